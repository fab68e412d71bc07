//! How much of each signal is kept.

use serde::Serialize;

/// The limits of the whole store, as plain values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreLimits {
    pub(crate) spans_max: usize,
    pub(crate) logs_max: usize,
    pub(crate) series_max: usize,
    /// Memory of the process for telemetry; the store uses three quarters of it.
    pub(crate) memory_mib: usize,
}

/// The limits of one signal; the oldest items are evicted when either is exceeded.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct SignalLimit {
    /// Spans, log lines or series.
    pub(crate) items: usize,
    /// Approximate memory.
    pub(crate) bytes: usize,
}

/// The limits of each signal.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignalLimits {
    pub(super) spans: SignalLimit,
    pub(super) logs: SignalLimit,
    pub(super) series: SignalLimit,
}

/// Quarters of the memory that the store uses. The last one is for exports and pages in progress, and for what the
/// allocator has not returned yet.
const STORE_QUARTERS: usize = 3;

impl StoreLimits {
    /// Spans get five eighths of the memory, log lines two, metrics one: the proportions of what a lab sends.
    pub(super) fn per_signal(self) -> SignalLimits {
        let eighth = self.memory_mib.saturating_mul(1024 * 1024 / 4 / 8 * STORE_QUARTERS);
        SignalLimits {
            spans: SignalLimit { items: self.spans_max, bytes: eighth * 5 },
            logs: SignalLimit { items: self.logs_max, bytes: eighth * 2 },
            series: SignalLimit { items: self.series_max, bytes: eighth },
        }
    }
}

impl SignalLimit {
    pub(super) fn is_exceeded(&self, items: usize, bytes: usize) -> bool {
        items > self.items || bytes > self.bytes
    }
}
