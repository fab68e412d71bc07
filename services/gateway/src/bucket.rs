//! The bucket of records from outside: whether there is room in it, and whether the index still agrees.
//!
//! A full bucket refuses even the updates of jobs under way, so new jobs are refused before it is full.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use async_nats::jetstream::kv;
use service::stop::Stop;
use tokio::time::sleep;

use crate::{app::App, error::ApiError};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How full, in per cent, the bucket may be before new jobs are refused.
const USED_PERCENT_MAX: u128 = 80;

/// What was last seen of the bucket of records.
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

    fn note(&self, bytes: u64, bytes_max: i64) {
        // Without a limit it is never full.
        let limit = u128::try_from(bytes_max).ok().filter(|limit| *limit > 0);
        let is_full =
            limit.is_some_and(|limit| u128::from(bytes) * 100 >= limit * USED_PERCENT_MAX);
        if self.is_full.swap(is_full, Relaxed) != is_full {
            tracing::warn!(
                is_full,
                bytes,
                bytes_max,
                "the job store has changed between full and not"
            );
        }
    }
}

/// Looks at `bucket` until the stop. While it cannot be asked, the last look holds.
pub(crate) async fn watch(app: &App, bucket: &kv::Store, stop: &Stop) {
    let look = async {
        loop {
            // Asked first: what is written in between must not look like something lost.
            let known = app.index.extent();
            if let Ok(info) = bucket.stream.get_info().await {
                app.capacity.note(info.state.bytes, info.config.max_bytes);
                app.index.compare(known, &info.state);
            }
            sleep(LOOK_EVERY).await;
        }
    };
    stop.soft.run_until_cancelled(look).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_refused_from_four_fifths_on() {
        let capacity = Capacity::default();
        let full = |bytes, bytes_max| {
            capacity.note(bytes, bytes_max);
            capacity.check().is_err()
        };
        assert!(!full(79, 100) && full(80, 100) && full(u64::MAX, i64::MAX));
        assert!(!full(79, 100) && !full(u64::MAX, -1) && !full(5, 0));
    }
}
