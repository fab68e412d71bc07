//! Counts lost dead letters: the stream removes its oldest when it is full, and each one after seven days.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use contract::signals::DEAD_LETTERS_FORGOTTEN;
use runtime::stop::Stop;
use telemetry::Metrics;
use tokio::{
    sync::RwLock,
    time::{sleep, timeout},
};

use crate::broker::Broker;

/// Time between two polls.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// Timeout of a poll; deletes wait for it.
const POLL_TIMEOUT: Duration = Duration::from_secs(3);

/// Distinguishes deleted dead letters from lost ones.
///
/// Losses before the gateway started are not counted. With several gateways, each one counts the deletes of the
/// others as losses. A delete that the broker did not confirm is counted as a loss, too.
#[derive(Default)]
pub(crate) struct Forgotten {
    /// Dead letters removed from the stream since it was created, as of the last poll.
    gone: RwLock<Option<u64>>,
    /// Dead letters deleted by this gateway since the last poll.
    deleted: AtomicU64,
}

impl Forgotten {
    /// Awaits `delete`, which returns whether it deleted a dead letter. No poll runs meanwhile.
    pub(super) async fn count_delete<E>(
        &self,
        delete: impl Future<Output = Result<bool, E>>,
    ) -> Result<bool, E> {
        let _no_poll = self.gone.read().await;
        let deleted = delete.await?;
        self.deleted.fetch_add(u64::from(deleted), Relaxed);
        Ok(deleted)
    }

    /// Dead letters lost since the last poll; `None` if the broker does not respond.
    async fn poll(&self, broker: &Broker) -> Option<u64> {
        let mut gone = self.gone.write().await;
        let state = broker.dead.get_info().await.ok()?.state;
        let now = state.last_sequence.saturating_sub(state.messages);
        let before = gone.replace(now).unwrap_or(now);
        Some(now.saturating_sub(before).saturating_sub(self.deleted.swap(0, Relaxed)))
    }
}

/// Polls the stream until the stop. A loss that a failed poll misses is counted by the next one.
pub(crate) async fn watch(broker: &Broker, metrics: &Metrics, stop: &Stop) {
    let polls = async {
        loop {
            let polled = timeout(POLL_TIMEOUT, broker.forgotten.poll(broker)).await;
            if let Some(lost @ 1..) = polled.ok().flatten() {
                metrics.add(&DEAD_LETTERS_FORGOTTEN, &[], lost);
                tracing::warn!(
                    lost,
                    "lose dead letters: the stream is full, or they are older than seven days"
                );
            }
            sleep(POLL_INTERVAL).await;
        }
    };
    stop.soft.run_until_cancelled(polls).await;
}
