//! Whether the stores have room for new jobs.
//!
//! A full store also refuses writes for running jobs, so new jobs are refused before it is full.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use async_nats::jetstream::stream::Info;
use contract::topology::LIMITED_STORES;
use nats::streams::StreamStates;

use crate::error::ApiError;

/// Percentage of a store in use from which on new jobs are refused.
const USED_PERCENT_MAX: u128 = 80;

/// Whether the stores had room at the last poll.
#[derive(Debug, Default)]
pub(crate) struct Capacity {
    is_full: AtomicBool,
}

impl Capacity {
    /// Returns an error while a store is too full for new jobs.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        if self.is_full.load(Relaxed) {
            return Err(ApiError::full("job store"));
        }
        Ok(())
    }

    /// Notes the sizes of the stores. If one could not be read, the last result stays.
    pub(crate) fn note(&self, states: &StreamStates) {
        let store = |name| states.stream(name).map(|info| Store::new(name, info));
        if let Some(stores) = LIMITED_STORES.map(store).into_iter().collect::<Option<Vec<_>>>() {
            self.note_sizes(&stores);
        }
    }

    fn note_sizes(&self, stores: &[Store]) {
        let full: Vec<&str> =
            stores.iter().filter(|store| store.is_full()).map(|store| store.name).collect();
        if self.is_full.swap(!full.is_empty(), Relaxed) == full.is_empty() {
            tracing::warn!(?full, "full stores changed");
        }
    }
}

/// The size of a store at the last poll.
#[derive(Debug, Clone, Copy)]
struct Store {
    name: &'static str,
    bytes: u64,
    bytes_max: i64,
}

impl Store {
    fn new(name: &'static str, info: &Info) -> Self {
        Self { name, bytes: info.state.bytes, bytes_max: info.config.max_bytes }
    }

    /// False for a store without a limit.
    fn is_full(&self) -> bool {
        let limit = u128::try_from(self.bytes_max).ok().filter(|limit| *limit > 0);
        limit.is_some_and(|limit| u128::from(self.bytes) * 100 >= limit * USED_PERCENT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_refused_from_four_fifths_on() {
        let capacity = Capacity::default();
        let full = |bytes, bytes_max| {
            let empty = Store { name: "JOBS", bytes: 0, bytes_max: 100 };
            capacity.note_sizes(&[empty, Store { name: "KV_RESULTS", bytes, bytes_max }]);
            capacity.check().is_err()
        };
        assert!(!full(79, 100) && full(80, 100) && full(u64::MAX, i64::MAX));
        assert!(!full(79, 100) && !full(u64::MAX, -1) && !full(5, 0));
    }
}
