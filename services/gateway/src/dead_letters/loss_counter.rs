//! Counts the dead letters that are lost: the store forgets its oldest when it is full, and each one after
//! seven days.

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

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a look may take; nothing is taken away meanwhile.
const LOOK_TIME_MAX: Duration = Duration::from_secs(3);

/// Tells letters that were taken away from those that were forgotten.
///
/// It begins with its gateway: what was forgotten before is not counted. Of several gateways each takes the
/// others' redrives for losses, and so is a letter counted whose delete the broker did not confirm.
#[derive(Default)]
pub(crate) struct Forgotten {
    /// Letters that have left the store since it was made, at the last look.
    gone: RwLock<Option<u64>>,
    /// Those among them that were taken away since the last look.
    taken: AtomicU64,
}

impl Forgotten {
    /// Awaits `delete`, which answers whether it took a letter away. No look falls in between.
    pub(super) async fn except<E>(
        &self,
        delete: impl Future<Output = Result<bool, E>>,
    ) -> Result<bool, E> {
        let _no_look = self.gone.read().await;
        let deleted = delete.await?;
        self.taken.fetch_add(u64::from(deleted), Relaxed);
        Ok(deleted)
    }

    /// How many were forgotten since the last look; `None` when the broker does not tell.
    async fn look(&self, broker: &Broker) -> Option<u64> {
        let mut gone = self.gone.write().await;
        let state = broker.dead.get_info().await.ok()?.state;
        let now = state.last_sequence.saturating_sub(state.messages);
        let before = gone.replace(now).unwrap_or(now);
        Some(now.saturating_sub(before).saturating_sub(self.taken.swap(0, Relaxed)))
    }
}

/// Looks at the store until the stop. What a look misses, the next one counts.
pub(crate) async fn watch(broker: &Broker, metrics: &Metrics, stop: &Stop) {
    let looks = async {
        loop {
            let seen = timeout(LOOK_TIME_MAX, broker.forgotten.look(broker)).await;
            if let Some(lost @ 1..) = seen.ok().flatten() {
                metrics.add(&DEAD_LETTERS_FORGOTTEN, &[], lost);
                tracing::warn!(
                    lost,
                    "dead letters were forgotten: the store is full, or they were too old"
                );
            }
            sleep(LOOK_EVERY).await;
        }
    };
    stop.soft.run_until_cancelled(looks).await;
}
