//! What came and what became of it, per signal: `received = stored + evicted + replaced + rejected`.

use serde::Serialize;

use super::budget::Budget;

/// The counts of one signal since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Items that arrived in well-formed exports.
    pub(crate) received: u64,
    /// Items that are here now.
    pub(crate) stored: u64,
    /// Items that left to make room.
    pub(crate) evicted: u64,
    /// Items that took the place of an earlier one: repeated spans, newer points of a series.
    pub(crate) replaced: u64,
    /// Items that were refused, as reported to the sender.
    pub(crate) rejected: u64,
}

/// The state of one signal's store.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct StoreStats {
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// Memory in use, about.
    pub(crate) bytes: usize,
    /// When the oldest leave.
    pub(crate) limit: Budget,
}
