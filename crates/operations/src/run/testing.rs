//! Runs one operation in a test.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{OperationContext, OperationError, Storing, TileStore, Value};
use crate::Operation;

/// The longest any step of a test may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// Longest time from the cancel of an operation to its end.
const CANCEL_LIMIT: Duration = Duration::from_millis(100);
/// How often a busy machine may miss that limit; work that looks too seldom always does.
const CANCELS_MAX: usize = 10;

/// A store in memory that takes everything, or nothing.
pub(crate) struct TileList {
    tiles: Mutex<Vec<Vec<u8>>>,
    is_closed: bool,
}

impl TileList {
    pub(crate) fn open() -> Self {
        Self { tiles: Mutex::default(), is_closed: false }
    }

    pub(crate) fn closed() -> Self {
        Self { tiles: Mutex::default(), is_closed: true }
    }
}

impl TileStore for TileList {
    fn put(&self, png: Vec<u8>) -> Storing<'_> {
        Box::pin(async move {
            anyhow::ensure!(!self.is_closed, "the store is closed");
            let mut tiles = self.tiles.lock().unwrap();
            tiles.push(png);
            Ok(format!("tile-{}", tiles.len()))
        })
    }
}

pub(crate) fn context_of(
    tiles: TileList,
) -> (OperationContext, watch::Receiver<f32>, CancellationToken) {
    let (sender, progress) = watch::channel(0.0);
    let cancel = CancellationToken::new();
    (OperationContext::new(cancel.clone(), sender, Arc::new(tiles)), progress, cancel)
}

pub(crate) fn context() -> (OperationContext, watch::Receiver<f32>) {
    let (context, progress, _) = context_of(TileList::open());
    (context, progress)
}

/// Runs an operation with a store of its own.
pub(crate) async fn result(operation: impl Into<Operation>) -> Result<Value, OperationError> {
    timeout(LIMIT, operation.into().run(&context().0)).await.unwrap()
}

pub(crate) async fn value(operation: impl Into<Operation>) -> Value {
    result(operation).await.unwrap()
}

/// The value of an operation, for tests that are not async.
pub(crate) fn value_now(operation: impl Into<Operation>) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(value(operation))
}

/// The operation's own error; any other is a failed test.
pub(crate) async fn failure(operation: impl Into<Operation>) -> String {
    match result(operation).await {
        Err(OperationError::Failed(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// Asserts that a long operation ends in time when it is cancelled in the middle.
pub(crate) async fn ends_soon_after_its_cancel(operation: impl Into<Operation>) {
    let operation = operation.into();
    let mut took = Vec::new();
    while took.len() < CANCELS_MAX && took.last().is_none_or(|took| *took > CANCEL_LIMIT) {
        took.push(cancel_in_the_middle(operation.clone()).await);
    }
    assert!(took.len() < CANCELS_MAX, "{}: {took:?}", operation.kind());
}

/// How long `operation` goes on after its cancel.
async fn cancel_in_the_middle(operation: Operation) -> Duration {
    let (context, mut progress, cancel) = context_of(TileList::open());
    let kind = operation.kind();
    let work = tokio::spawn(async move { operation.run(&context).await });
    let started = progress.wait_for(|part| *part > 0.0);
    timeout(LIMIT, started).await.unwrap().unwrap();
    let cancelled = Instant::now();
    cancel.cancel();
    let error = timeout(LIMIT, work).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error, OperationError::Cancelled), "{kind}: {error:?}");
    cancelled.elapsed()
}
