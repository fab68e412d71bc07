//! Counts of each signal: `received = stored + evicted + replaced + rejected`.

use serde::Serialize;

use super::limits::SignalLimit;

/// Counts of one signal since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct StoreCounts {
    /// Items of well-formed exports.
    pub(crate) received: u64,
    /// Items in the store now.
    pub(crate) stored: u64,
    /// Items removed to make room.
    pub(crate) evicted: u64,
    /// Items that replaced an earlier one: repeated spans, newer points of a series.
    pub(crate) replaced: u64,
    /// Items reported to the sender as rejected.
    pub(crate) rejected: u64,
}

/// The state of one signal's store.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct StoreStats {
    #[serde(flatten)]
    pub(crate) counts: StoreCounts,
    /// Approximate memory in use.
    pub(crate) bytes: usize,
    pub(crate) limit: SignalLimit,
}

/// How full the whole store is.
#[derive(Debug, Serialize)]
pub(crate) struct StoreStatus {
    pub(crate) spans: StoreStats,
    /// Traces in the store now.
    pub(crate) traces: usize,
    pub(crate) logs: StoreStats,
    pub(crate) metric_points: StoreStats,
    /// Exports rejected as a whole.
    pub(crate) exports_refused: u64,
}
