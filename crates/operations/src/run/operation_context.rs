//! What an operation gets from the worker: a cancel token, a way to report progress, and a store for tiles.

use std::{pin::Pin, sync::Arc};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::OperationError;

/// A tile on its way into the store; returns the name it has there.
pub type Storing<'a> = Pin<Box<dyn Future<Output = anyhow::Result<String>> + Send + 'a>>;

/// Where tiles are stored. The implementor names them, by job, run and operation.
pub trait TileStore: Send + Sync {
    /// Stores a PNG and returns its name.
    fn put(&self, png: Vec<u8>) -> Storing<'_>;
}

/// The context of one operation. A job with several operations needs one for each.
#[derive(Clone)]
pub struct OperationContext {
    cancel: CancellationToken,
    progress: watch::Sender<f32>,
    tiles: Arc<dyn TileStore>,
}

impl OperationContext {
    /// A context for one operation. `progress` goes from 0 to 1 and may change often: its receiver
    /// decides how much of it to pass on.
    pub fn new(
        cancel: CancellationToken,
        progress: watch::Sender<f32>,
        tiles: Arc<dyn TileStore>,
    ) -> Self {
        Self { cancel, progress, tiles }
    }

    /// A context for work that neither reports progress nor has tiles.
    pub fn without_store() -> Self {
        struct NoStore;
        impl TileStore for NoStore {
            fn put(&self, _: Vec<u8>) -> Storing<'_> {
                Box::pin(async { anyhow::bail!("no tile is expected here") })
            }
        }
        Self::new(CancellationToken::new(), watch::Sender::new(0.0), Arc::new(NoStore))
    }

    /// Reports the done part, 0 to 1. It never goes back: a smaller part changes nothing.
    pub fn progress(&self, part: f32) {
        self.progress.send_if_modified(|known| {
            let is_further = part > *known;
            if is_further {
                *known = part.min(1.0);
            }
            is_further
        });
    }

    /// An error once the operation is to stop. Work calls it at least every 10 ms.
    pub fn go_on(&self) -> Result<(), OperationError> {
        if self.cancel.is_cancelled() {
            return Err(OperationError::Cancelled);
        }
        Ok(())
    }

    /// Returns once the operation is to stop.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Stores a tile and returns its name. A cancelled operation does not wait for the store.
    pub async fn put_tile(&self, png: Vec<u8>) -> Result<String, OperationError> {
        tokio::select! {
            biased;
            () = self.cancelled() => Err(OperationError::Cancelled),
            stored = self.tiles.put(png) => stored.map_err(OperationError::Unavailable),
        }
    }

    /// The same context with a token of its own, which ends with this one's.
    pub(super) fn child(&self) -> (Self, CancellationToken) {
        let cancel = self.cancel.child_token();
        let context = Self { cancel: cancel.clone(), ..self.clone() };
        (context, cancel)
    }
}
