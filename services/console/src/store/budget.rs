//! How much of each signal is kept.

use serde::Serialize;

use crate::config::Config;

/// The limits of one signal's store; the oldest leaves when either is passed.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Budget {
    /// Spans, log lines or series.
    pub(crate) items: usize,
    /// Memory, about.
    pub(crate) bytes: usize,
}

/// The limits of all stores.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budgets {
    pub(crate) spans: Budget,
    pub(crate) logs: Budget,
    pub(crate) points: Budget,
}

/// Quarters of the memory that are for what is kept. The last one is for exports on their way, pages being made, and
/// what the allocator has not given back yet.
const KEPT_QUARTERS: usize = 3;

impl Budgets {
    /// Spans get five eighths of the memory for what is kept, log lines two, metrics one: what a lab sends.
    pub(crate) fn of(config: &Config) -> Self {
        let eighth = config.memory_mib.saturating_mul(1024 * 1024 / 4 / 8 * KEPT_QUARTERS);
        Self {
            spans: Budget { items: config.spans_max, bytes: eighth * 5 },
            logs: Budget { items: config.logs_max, bytes: eighth * 2 },
            points: Budget { items: config.series_max, bytes: eighth },
        }
    }
}

impl Budget {
    /// Whether this much is too much.
    pub(crate) fn is_passed(&self, items: usize, bytes: usize) -> bool {
        items > self.items || bytes > self.bytes
    }
}
