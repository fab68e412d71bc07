//! One hop of the relay: write to the bucket, hand on, ack and have it confirmed.

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

/// How long one pull waits for messages, as in the lab's own loop.
const PULL_WAIT: Duration = Duration::from_secs(1);

/// Where a job leaves the relay: its place is free for another, and it counts.
type End = (Arc<Semaphore>, Arc<AtomicU64>);

/// A worker with a connection of its own.
pub(super) struct Hop {
    desk: Arc<Desk>,
    queue: PullConsumer,
    slots: Arc<Semaphore>,
}

struct Desk {
    context: jetstream::Context,
    bucket: kv::Store,
    number: usize,
    next: Option<String>,
    end: Option<End>,
}

impl Hop {
    /// Makes its consumer and opens its bucket. `end` is for the last hop.
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
        let desk = Desk { context: context.clone(), bucket, number, next, end };
        Ok(Self { desk: Arc::new(desk), queue, slots: Arc::new(Semaphore::new(slots)) })
    }

    /// Pulls for free slots only, until `stop`.
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
                let desk = self.desk.clone();
                running.spawn(async move {
                    // A job that fails here comes again after the ack wait, as in the lab.
                    let _again = desk.handle(message).await;
                    drop(slot);
                });
            }
        }
        running.close();
        running.wait().await;
        Ok(())
    }
}

impl Desk {
    async fn handle(&self, message: Message) -> anyhow::Result<()> {
        let job = message.subject.rsplit('.').next().unwrap_or_default().to_owned();
        self.bucket.put(&job, message.payload.clone()).await?;
        if let Some(next) = &self.next {
            let subject = format!("{next}.{job}");
            publish(&self.context, subject, &job, self.number + 1, message.payload.clone()).await?;
        }
        let acked = message.double_ack().await;
        acked.map_err(|error| anyhow::anyhow!("acking: {error}"))?;
        if let Some((room, done)) = &self.end {
            done.fetch_add(1, Relaxed);
            room.add_permits(1);
        }
        Ok(())
    }
}
