//! Takes telemetry by OTLP, over gRPC and over HTTP, for all three signals.
//!
//! What is refused is told to the sender: the whole export by status, single items as a partial success.

mod body;
pub(crate) mod grpc;
pub(crate) mod http;
mod json;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use contract::signals::{TELEMETRY_DROPPED, signal};
use telemetry::Metrics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::export::{Export, ExportReply, PartialSuccess};
use crate::store::{NotTaken, Signal, Store};

/// Largest export, compressed and not.
const EXPORT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Exports read at a time, over all connections; with the size above this bounds the memory for them.
const EXPORTS_IN_HAND_MAX: usize = 8;

/// How long an export waits for its turn before the sender is told to come back.
const TURN_LIMIT: Duration = Duration::from_secs(5);

/// Where all receivers put what they get.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    store: Arc<Store>,
    metrics: Metrics,
    turns: Arc<Semaphore>,
}

impl Receiver {
    pub(crate) fn new(store: Arc<Store>, metrics: Metrics) -> Self {
        Self { store, metrics, turns: Arc::new(Semaphore::new(EXPORTS_IN_HAND_MAX)) }
    }

    /// A turn to read an export; `None` when too many others are being read.
    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let turn = timeout(TURN_LIMIT, Arc::clone(&self.turns).acquire_owned()).await;
        turn.ok()?.ok()
    }

    /// Says once in the log that exports are refused, and counts them: a broken sender repeats itself.
    fn refused(&self, reason: &dyn Display) {
        if self.store.refuse_export() == 0 {
            tracing::warn!(%reason, "export refused; further ones are counted in /api/status");
        } else {
            tracing::debug!(%reason, "export refused");
        }
    }

    /// Counts what the store did not take. What leaves it later, as the oldest, was seen: that is no loss.
    fn count_dropped(&self, signal: Signal, count: u64) {
        let signal = match signal {
            Signal::Traces => signal::SPANS,
            Signal::Logs => signal::LOGS,
            // Metrics are read again soon; what was refused of them is in `/api/status`.
            Signal::Metrics => return,
        };
        self.metrics.add(&TELEMETRY_DROPPED, &[signal], count);
    }

    fn take(&self, signal: Signal, export: &Export) -> Result<ExportReply, NotTaken> {
        let refusals = self.store.take(signal, export)?;
        self.count_dropped(signal, refusals.count);
        let partial_success = refusals.reason().map(|reason| PartialSuccess {
            rejected: i64::try_from(refusals.count).unwrap_or(i64::MAX),
            error_message: reason.to_owned(),
        });
        Ok(ExportReply { partial_success })
    }
}
