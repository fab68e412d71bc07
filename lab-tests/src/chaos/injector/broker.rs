//! Faults of the broker and its streams.

use std::time::Duration;

use contract::topology;
use lab::Part;
use tokio::time::{Instant, sleep};

use super::{EFFECT_TIMEOUT, FaultInjector, Proof};

/// Jobs that are submitted again after a restart of the broker: their keys and ids must still be known.
const REPEATS: usize = 20;
const RETRY_DELAY: Duration = Duration::from_millis(200);

impl FaultInjector {
    pub(super) async fn broker_killed(&mut self) -> Proof {
        let proof = self.kill(Part::Nats).await?;
        self.repeat();
        Ok(format!("{proof}; {REPEATS} jobs submitted again"))
    }

    pub(super) async fn broker_stopped(&mut self, duration: Duration) -> Proof {
        self.lab.stop(Part::Nats).await.map_err(|error| error.to_string())?;
        sleep(duration).await;
        self.lab.start(Part::Nats).await.map_err(|error| error.to_string())?;
        self.repeat();
        Ok(format!("it was stopped; {REPEATS} jobs submitted again"))
    }

    /// Submits the latest jobs and events again in the background.
    fn repeat(&mut self) {
        let load = self.load.clone();
        self.repeats.spawn(async move { load.repeat_latest(REPEATS).await });
    }

    /// Lowers the limit of a stream below its size, and restores it.
    pub(super) async fn full(&self, name: &str, duration: Duration) -> Proof {
        let limit = self.set_limit(name, 1).await?;
        sleep(duration).await;
        let lowered = self.set_limit(name, limit).await?;
        // No stored message may be lost: the ledger checks the accepted jobs at the end.
        if lowered == 1 { Ok("its limit was 1 byte".to_owned()) } else { Err(lowered.to_string()) }
    }

    /// Sets the size limit of a stream; returns the previous one.
    async fn set_limit(&self, name: &str, bytes: i64) -> Result<i64, String> {
        debug_assert!(
            topology::WORK_QUEUES.iter().any(|queue| queue.name == name)
                || topology::STORES.contains(&name)
        );
        let deadline = Instant::now() + EFFECT_TIMEOUT;
        loop {
            let change = async {
                let mut config = self.broker.get_stream(name).await?.cached_info().config.clone();
                let before = std::mem::replace(&mut config.max_bytes, bytes);
                self.broker.update_stream(config).await?;
                Ok::<_, async_nats::Error>(before)
            };
            match change.await {
                Ok(before) => return Ok(before),
                Err(error) if Instant::now() > deadline => return Err(error.to_string()),
                Err(_) => sleep(RETRY_DELAY).await,
            }
        }
    }
}
