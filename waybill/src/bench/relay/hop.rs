//! One hop of the relay: write to the bucket, publish to the next hop, double ack.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_nats::jetstream::{self, Message, consumer::PullConsumer, kv};
use futures_util::StreamExt as _;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{publish, streams::Streams};

/// Timeout of one pull, as in the services.
const PULL_WAIT: Duration = Duration::from_secs(1);

/// The permits and the count of jobs that leave the relay.
type End = (Arc<Semaphore>, Arc<AtomicU64>);

/// A worker with a connection of its own.
pub(super) struct RelayHop {
    handler: Arc<Handler>,
    queue: PullConsumer,
    slots: Arc<Semaphore>,
}

struct Handler {
    context: jetstream::Context,
    bucket: kv::Store,
    number: usize,
    next: Option<String>,
    end: Option<End>,
}

impl RelayHop {
    /// Creates its consumer and opens its bucket. `end` is for the last hop.
    pub(super) async fn open(
        context: &jetstream::Context,
        streams: &Streams,
        number: usize,
        slots: usize,
        end: Option<End>,
    ) -> anyhow::Result<Self> {
        let queue = streams.consumer(context, number).await?;
        let bucket = streams.bucket(context).await?;
        let next = streams.next(number);
        let handler = Handler { context: context.clone(), bucket, number, next, end };
        Ok(Self { handler: Arc::new(handler), queue, slots: Arc::new(Semaphore::new(slots)) })
    }

    /// Pulls messages for free slots only, until `stop`.
    pub(super) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let running = TaskTracker::new();
        while !stop.is_cancelled() {
            drop(self.slots.acquire().await?);
            let free = self.slots.available_permits().max(1);
            let pull = self.queue.batch().max_messages(free).expires(PULL_WAIT);
            let mut messages = pull.messages().await?;
            while let Some(message) = messages.next().await {
                let message = message.map_err(|error| anyhow::anyhow!("pulling: {error}"))?;
                let slot = self.slots.clone().acquire_owned().await?;
                let handler = self.handler.clone();
                running.spawn(async move {
                    // A job that fails here is redelivered after the ack wait, as in the lab.
                    let _redelivered_on_error = handler.handle(message).await;
                    drop(slot);
                });
            }
        }
        running.close();
        running.wait().await;
        Ok(())
    }
}

impl Handler {
    async fn handle(&self, message: Message) -> anyhow::Result<()> {
        let job = message.subject.rsplit('.').next().unwrap_or_default().to_owned();
        self.bucket.put(&job, message.payload.clone()).await?;
        if let Some(next) = &self.next {
            let subject = format!("{next}.{job}");
            publish(&self.context, subject, &job, self.number + 1, message.payload.clone()).await?;
        }
        let acked = message.double_ack().await;
        acked.map_err(|error| anyhow::anyhow!("acking: {error}"))?;
        if let Some((permits, done)) = &self.end {
            done.fetch_add(1, Relaxed);
            permits.add_permits(1);
        }
        Ok(())
    }
}
