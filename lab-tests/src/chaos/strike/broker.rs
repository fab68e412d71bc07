//! What happens to the broker, and to what it keeps.

use std::time::Duration;

use contract::topology;
use lab::Part;
use tokio::time::{Instant, sleep};

use super::{FELT_LIMIT, Proof, Striker};

/// Jobs that are sent again after the broker was away: their keys and ids must have outlived it.
const REPEATS: usize = 20;
const PAUSE: Duration = Duration::from_millis(200);

impl Striker {
    pub(super) async fn broker_killed(&mut self) -> Proof {
        let proof = self.kill(Part::Nats).await?;
        self.repeat();
        Ok(format!("{proof}; {REPEATS} jobs sent again"))
    }

    pub(super) async fn broker_stopped(&mut self, lasts: Duration) -> Proof {
        self.lab.stop(Part::Nats).await.map_err(|error| error.to_string())?;
        sleep(lasts).await;
        self.lab.start(Part::Nats).await.map_err(|error| error.to_string())?;
        self.repeat();
        Ok(format!("it was gone; {REPEATS} jobs sent again"))
    }

    /// Sends the latest jobs and events again, while the run goes on.
    fn repeat(&mut self) {
        let load = self.load.clone();
        self.repeats.spawn(async move { load.repeat_latest(REPEATS).await });
    }

    /// Lowers the limit of a stream below what it holds, and puts it back.
    pub(super) async fn full(&self, name: &str, lasts: Duration) -> Proof {
        let limit = self.limit(name, 1).await?;
        sleep(lasts).await;
        let lowered = self.limit(name, limit).await?;
        // Nothing that it held may be gone for it: what was accepted is looked for in the end.
        if lowered == 1 { Ok("its limit was 1 byte".to_owned()) } else { Err(lowered.to_string()) }
    }

    /// Sets how many bytes a stream may hold and answers how many it might before.
    async fn limit(&self, name: &str, bytes: i64) -> Result<i64, String> {
        debug_assert!(
            topology::WORK_QUEUES.iter().any(|queue| queue.name == name)
                || topology::STORES.contains(&name)
        );
        let give_up = Instant::now() + FELT_LIMIT;
        loop {
            let change = async {
                let mut config = self.broker.get_stream(name).await?.cached_info().config.clone();
                let before = std::mem::replace(&mut config.max_bytes, bytes);
                self.broker.update_stream(config).await?;
                Ok::<_, async_nats::Error>(before)
            };
            match change.await {
                Ok(before) => return Ok(before),
                Err(error) if Instant::now() > give_up => return Err(error.to_string()),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
}
