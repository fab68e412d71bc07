//! Limits and counts the items of one signal that wait to be exported, and counts dropped ones. Used for spans and logs.

use std::{
    future::Future,
    pin::pin,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use prometheus::IntCounter;
use tokio::{
    runtime::Handle,
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::config::Batching;

/// Time for the final flush; items that are not sent by then are dropped and counted.
pub(crate) const FLUSH_TIME_MAX: Duration = Duration::from_millis(1_500);
/// Time for a queue to shut down, [`FLUSH_TIME_MAX`] included.
pub(crate) const CLOSE_TIME_MAX: Duration = Duration::from_millis(1_800);

/// The items of one signal between the queue and the response of the target.
#[derive(Debug)]
pub(crate) struct InFlight {
    signal: &'static str,
    limit: usize,
    export_time_max: Duration,
    waiting: AtomicUsize,
    dropped: IntCounter,
    failing: AtomicBool,
    flush_deadline: OnceLock<Instant>,
    closed: Notify,
    runtime: Handle,
}

impl InFlight {
    /// No items yet. Must be called inside a tokio runtime, whose timer limits the exports.
    pub(crate) fn new(signal: &'static str, batching: &Batching, dropped: IntCounter) -> Self {
        Self {
            signal,
            limit: batching.limit,
            export_time_max: batching.export_time_max,
            waiting: AtomicUsize::new(0),
            dropped,
            failing: AtomicBool::new(false),
            flush_deadline: OnceLock::new(),
            closed: Notify::new(),
            runtime: Handle::current(),
        }
    }

    /// Adds an item; if the limit is reached, counts it as dropped and returns false.
    pub(crate) fn enter(&self) -> bool {
        if self.flush_deadline.get().is_none() {
            if self.waiting.fetch_add(1, Relaxed) < self.limit {
                return true;
            }
            self.waiting.fetch_sub(1, Relaxed);
        }
        self.dropped.inc();
        false
    }

    /// Sends `count` items within the time limit. A failure counts all of them as dropped.
    pub(crate) async fn send(
        &self,
        count: usize,
        sending: impl Future<Output = OTelSdkResult>,
    ) -> OTelSdkResult {
        let mut limited = pin!(self.limited(sending));
        // The SDK polls on its own thread; timers and connections need the runtime's context.
        let result = std::future::poll_fn(|waker| {
            let _context = self.runtime.enter();
            limited.as_mut().poll(waker)
        });
        let result = result.await;
        self.leave(count, result.as_ref().err());
        result
    }

    /// Rejects further items, and limits the rest of the exports to [`FLUSH_TIME_MAX`].
    pub(crate) fn close(&self) {
        let _ = self.flush_deadline.set(Instant::now() + FLUSH_TIME_MAX);
        self.closed.notify_one();
    }

    async fn limited(&self, sending: impl Future<Output = OTelSdkResult>) -> OTelSdkResult {
        let began = Instant::now();
        tokio::select! {
            biased;
            () = self.flush_is_over() => {}
            result = sending => return result,
            () = sleep_until(began + self.export_time_max) => {}
        }
        Err(OTelSdkError::Timeout(began.elapsed()))
    }

    async fn flush_is_over(&self) {
        while self.flush_deadline.get().is_none() {
            self.closed.notified().await;
        }
        if let Some(deadline) = self.flush_deadline.get() {
            sleep_until(*deadline).await;
        }
    }

    fn leave(&self, count: usize, error: Option<&OTelSdkError>) {
        self.waiting.fetch_sub(count, Relaxed);
        if error.is_some() {
            self.dropped.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
        }
        if self.failing.swap(error.is_some(), Relaxed) != error.is_some() {
            log_state_change(self.signal, error);
        }
    }
}

/// Logs that the export has started to fail, or that it works again.
pub(crate) fn log_state_change(signal: &str, error: Option<&impl std::fmt::Display>) {
    if let Some(error) = error {
        tracing::warn!(
            signal,
            error = %error,
            "cannot send telemetry; it is dropped and counted until its target responds"
        );
    } else {
        tracing::info!(signal, "telemetry export recovered");
    }
}
