//! The loop of a worker: pull for the slots that are free, settle each message, and end in order.

use std::{future::Future, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use async_nats::jetstream::{
    Message,
    consumer::{PullConsumer, pull},
};
use contract::{signals, topology::Consumer};
use futures_util::StreamExt;
use runtime::stop::Stop;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::{Bus, Delivery, Failure, Handled, in_flight::InFlight, settle::Dispatcher};

/// How long one pull waits for messages.
const PULL_WAIT: Duration = Duration::from_secs(1);
/// Pause after a pull that failed.
const POLL_PAUSE: Duration = Duration::from_millis(250);
/// Pulls that may fail in a row, about five minutes, before the worker gives up.
const POLL_FAILURES_MAX: u32 = 600;

/// What a stage does with a message. It decides; the loop answers the broker.
pub trait Handler: Send + Sync + 'static {
    /// Handles one message. It may be called again for the same message, so it must be repeatable.
    fn handle(&self, delivery: &Delivery) -> impl Future<Output = Result<Handled, Failure>> + Send;
}

/// Works on `consumer`'s messages, `slots` at a time, until `stop`; then lets the running ones end.
///
/// A loop that ends for any other reason is an error: the process must not idle on.
pub async fn work<H: Handler>(
    bus: Arc<Bus>,
    consumer: Consumer,
    handler: H,
    slots: usize,
    stop: Stop,
) -> anyhow::Result<()> {
    let queue = open(&bus, consumer).await?;
    let ack_wait = queue.cached_info().config.ack_wait;
    let dispatcher = Arc::new(Dispatcher { bus: bus.clone(), consumer, handler, ack_wait });
    let worker = Worker {
        bus,
        consumer,
        queue,
        dispatcher,
        slots: Arc::new(Semaphore::new(slots)),
        in_flight: InFlight::default(),
        running: TaskTracker::new(),
        stop,
    };
    let stage = consumer.stage.name();
    worker.bus.service.metrics.set(&signals::SLOTS, &[stage], slots as f64);
    tracing::info!(
        slots,
        ack_wait_ms = ack_wait.as_millis(),
        stream = consumer.stream.name,
        "working"
    );
    let ended = worker.pull_until_stopped().await;
    worker.drain().await;
    ended
}

/// The consumer, as the topology made it.
pub async fn open(bus: &Bus, consumer: Consumer) -> anyhow::Result<PullConsumer> {
    let found = bus
        .jetstream
        .get_consumer_from_stream::<pull::Config, _, _>(consumer.stage.name(), consumer.stream.name)
        .await;
    found
        .with_context(|| format!("opening consumer {} of {}", consumer.stage, consumer.stream.name))
}

struct Worker<H> {
    bus: Arc<Bus>,
    consumer: Consumer,
    queue: PullConsumer,
    dispatcher: Arc<Dispatcher<H>>,
    slots: Arc<Semaphore>,
    in_flight: InFlight,
    running: TaskTracker,
    stop: Stop,
}

impl<H: Handler> Worker<H> {
    async fn pull_until_stopped(&self) -> anyhow::Result<()> {
        let mut failures = 0;
        loop {
            let slot = tokio::select! {
                biased;
                () = self.stop.soft.cancelled() => return Ok(()),
                slot = self.slots.acquire() => slot.context("the slots are gone")?,
            };
            let free = self.slots.available_permits() + 1;
            drop(slot);
            match self.pull(free).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    self.poll_failed(&error, failures)?;
                    tokio::time::sleep(POLL_PAUSE).await;
                }
            }
        }
    }

    /// One pull. After a stop it is waited for still: what the broker sends on it must not lie around.
    async fn pull(&self, free: usize) -> Result<(), async_nats::Error> {
        let mut messages =
            self.queue.batch().max_messages(free).expires(PULL_WAIT).messages().await?;
        while let Some(message) = messages.next().await {
            self.take(message?).await;
        }
        Ok(())
    }

    async fn take(&self, message: Message) {
        let labels = [self.consumer.stream.name, self.consumer.stage.name()];
        self.bus.service.metrics.count(&signals::MESSAGES_RECEIVED, &labels);
        let Ok(seq) = message.info().map(|info| info.stream_sequence) else {
            tracing::warn!(subject = %message.subject, "a message without a place in the stream is left alone");
            return;
        };
        let (_, acker) = message.clone().split();
        let Some(ack_guard) = self.in_flight.add(seq, acker) else {
            tracing::info!(seq, "adopted the redelivery of a message in hand");
            return;
        };
        if self.stop.soft.is_cancelled() {
            let _ = ack_guard.nak(Duration::ZERO).await;
            return;
        }
        let delivery = match Delivery::new(&self.bus, message, ack_guard, self.stop.hard.clone()) {
            Ok(delivery) => delivery,
            Err(error) => {
                return tracing::warn!(%error, seq, "a message that cannot be read is left alone");
            }
        };
        let Ok(slot) = self.slots.clone().acquire_owned().await else { return };
        let (dispatcher, stage) = (self.dispatcher.clone(), self.consumer.stage.name());
        self.bus.service.metrics.shift(&signals::IN_FLIGHT, &[stage], 1.0);
        // Boxed, because it is large and would be copied on its way to where it runs, and once more at its end.
        self.running.spawn(Box::pin(async move {
            dispatcher.settle(delivery).await;
            dispatcher.bus.service.metrics.shift(&signals::IN_FLIGHT, &[stage], -1.0);
            drop(slot);
        }));
    }

    fn poll_failed(&self, error: &async_nats::Error, failures: u32) -> anyhow::Result<()> {
        let labels = [self.consumer.stream.name, self.consumer.stage.name()];
        self.bus.service.metrics.count(&signals::POLL_ERRORS, &labels);
        if failures == 1 {
            tracing::warn!(%error, "a pull failed; trying again");
        }
        if failures >= POLL_FAILURES_MAX {
            bail!("no message could be pulled for five minutes: {error}");
        }
        Ok(())
    }

    /// Lets the running messages end. The hard stop makes them hand back what they cannot end.
    async fn drain(&self) {
        self.running.close();
        if !self.running.is_empty() {
            tracing::info!(running = self.running.len(), "draining");
        }
        self.running.wait().await;
    }
}
