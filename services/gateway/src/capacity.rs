//! The stores from outside: whether there is room in them, and whether the index still agrees.
//!
//! A full store refuses even what jobs under way must write, so new jobs are refused before it is full.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use async_nats::jetstream::stream::Info;
use bus::Bus;
use contract::topology;
use runtime::stop::Stop;
use tokio::time::sleep;

use crate::{app::App, error::ApiError};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How full, in per cent, a store may be before new jobs are refused.
const USED_PERCENT_MAX: u128 = 80;

/// Whether the stores had room when they were last looked at.
#[derive(Debug, Default)]
pub(crate) struct Capacity {
    is_full: AtomicBool,
}

impl Capacity {
    /// Refuses new jobs while the bucket is too full.
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
            tracing::warn!(?full, "the stores have changed between full and not");
        }
    }
}

/// A store as it was last seen.
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

    /// Without a limit it is never full.
    fn is_full(&self) -> bool {
        let limit = u128::try_from(self.bytes_max).ok().filter(|limit| *limit > 0);
        limit.is_some_and(|limit| u128::from(self.bytes) * 100 >= limit * USED_PERCENT_MAX)
    }
}

/// Looks at the stores until the stop. While one cannot be asked, the last look at all holds.
pub(crate) async fn watch(app: &App, bus: &Bus, stop: &Stop) {
    let look = async {
        loop {
            if let Some(stores) = seen(app, bus).await {
                app.capacity.note(&stores);
            }
            sleep(LOOK_EVERY).await;
        }
    };
    stop.soft.run_until_cancelled(look).await;
}

async fn seen(app: &App, bus: &Bus) -> Option<Vec<Store>> {
    // Asked first: what is written in between must not look like something lost.
    let known = app.index.extent();
    let records = bus.records.bucket().stream.get_info().await.ok()?;
    app.index.compare(known, &records.state);
    let mut stores = vec![Store::new(topology::JOBS_BUCKET, &records)];
    for name in topology::SIDE_STORES {
        let stream = bus.jetstream.get_stream(name).await.ok()?;
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
