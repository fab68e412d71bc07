//! Checks whether the stores have room, and whether the index is still up to date.
//!
//! A full store also refuses writes for running jobs, so new jobs are refused before it is full.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use async_nats::jetstream::stream::Info;
use contract::topology;
use jobs::Jobs;
use runtime::stop::Stop;
use tokio::time::sleep;

use crate::{app::App, error::ApiError};

/// Time between two polls.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
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

    fn note(&self, stores: &[Store]) {
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

/// Polls the stores until the stop. If a poll fails, the result of the last one stays.
pub(crate) async fn watch(app: &App, jobs: &Jobs, stop: &Stop) {
    let polls = async {
        loop {
            if let Some(stores) = poll(app, jobs).await {
                app.capacity.note(&stores);
            }
            sleep(POLL_INTERVAL).await;
        }
    };
    stop.soft.run_until_cancelled(polls).await;
}

async fn poll(app: &App, jobs: &Jobs) -> Option<Vec<Store>> {
    // Read first: a record written in between must not look like a lost one.
    let known = app.index.extent();
    let records = jobs.records.bucket().stream.get_info().await.ok()?;
    app.index.compare(known, &records.state);
    let mut stores = vec![Store::new(topology::JOBS_BUCKET, &records)];
    for name in topology::SIDE_STORES {
        let stream = jobs.bus.nats.jetstream.get_stream(name).await.ok()?;
        stores.push(Store::new(name, stream.cached_info()));
    }
    Some(stores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_refused_from_four_fifths_on() {
        let capacity = Capacity::default();
        let full = |bytes, bytes_max| {
            let empty = Store { name: "JOBS", bytes: 0, bytes_max: 100 };
            capacity.note(&[empty, Store { name: "KV_RESULTS", bytes, bytes_max }]);
            capacity.check().is_err()
        };
        assert!(!full(79, 100) && full(80, 100) && full(u64::MAX, i64::MAX));
        assert!(!full(79, 100) && !full(u64::MAX, -1) && !full(5, 0));
    }
}
