//! The work loop: pulls as many messages as slots are free, settles each of them, drains at the end.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use async_nats::jetstream::{Message, consumer::PullConsumer};
use contract::{signals, topology::Consumer};
use futures_util::StreamExt;
use runtime::stop::Stop;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::{Bus, Delivery, Handler, dispatch::Dispatcher, in_flight::InFlight};

/// How long one pull request waits for messages.
const PULL_WAIT: Duration = Duration::from_secs(1);
/// Delay after a failed pull.
const PULL_RETRY_DELAY: Duration = Duration::from_millis(250);
/// Failed pulls in a row, about five minutes of them, after which the worker exits.
const PULL_FAILURES_MAX: u32 = 600;

/// Handles `consumer`'s messages, at most `slots` at the same time, until `stop`; then drains.
///
/// Ending for any other reason is an error, because the process must not stay up idle.
pub(crate) async fn work<H: Handler>(
    bus: Arc<Bus>,
    consumer: Consumer,
    handler: H,
    slots: usize,
    stop: Stop,
) -> anyhow::Result<()> {
    let queue = bus.nats.consumer(consumer).await?;
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
                slot = self.slots.acquire() => slot.context("the slots were closed")?,
            };
            let free = self.slots.available_permits() + 1;
            drop(slot);
            match self.pull(free).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    self.pull_failed(&error, failures)?;
                    tokio::time::sleep(PULL_RETRY_DELAY).await;
                }
            }
        }
    }

    /// One pull. It is completed even after a stop: messages that the broker still sends must be handed back.
    async fn pull(&self, free: usize) -> Result<(), async_nats::Error> {
        let mut messages =
            self.queue.batch().max_messages(free).expires(PULL_WAIT).messages().await?;
        while let Some(message) = messages.next().await {
            self.dispatch(message?).await;
        }
        Ok(())
    }

    async fn dispatch(&self, message: Message) {
        let labels = [self.consumer.stream.name, self.consumer.stage.name()];
        self.bus.service.metrics.count(&signals::MESSAGES_RECEIVED, &labels);
        let Ok(seq) = message.info().map(|info| info.stream_sequence) else {
            tracing::warn!(subject = %message.subject, "message without a stream sequence ignored");
            return;
        };
        let (_, acker) = message.clone().split();
        let Some(ack_guard) = self.in_flight.add(seq, acker) else {
            tracing::info!(seq, "redelivery of a message in flight: reply handle replaced");
            return;
        };
        if self.stop.soft.is_cancelled() {
            let _ = ack_guard.nak(Duration::ZERO).await;
            return;
        }
        let delivery = match Delivery::new(&self.bus, message, ack_guard, self.stop.hard.clone()) {
            Ok(delivery) => delivery,
            Err(error) => {
                return tracing::warn!(%error, seq, "unreadable message ignored");
            }
        };
        let Ok(slot) = self.slots.clone().acquire_owned().await else { return };
        let (dispatcher, stage) = (self.dispatcher.clone(), self.consumer.stage.name());
        self.bus.service.metrics.shift(&signals::IN_FLIGHT, &[stage], 1.0);
        // Boxed, because the large future would be copied when it is spawned and when it ends.
        self.running.spawn(Box::pin(async move {
            dispatcher.dispatch(delivery).await;
            dispatcher.bus.service.metrics.shift(&signals::IN_FLIGHT, &[stage], -1.0);
            drop(slot);
        }));
    }

    fn pull_failed(&self, error: &async_nats::Error, failures: u32) -> anyhow::Result<()> {
        let labels = [self.consumer.stream.name, self.consumer.stage.name()];
        self.bus.service.metrics.count(&signals::POLL_ERRORS, &labels);
        if failures == 1 {
            tracing::warn!(%error, "pull failed; retrying");
        }
        if failures >= PULL_FAILURES_MAX {
            bail!("pulls have failed for five minutes: {error}");
        }
        Ok(())
    }

    /// Waits for the running handlers. The hard stop makes them hand unfinished messages back.
    async fn drain(&self) {
        self.running.close();
        if !self.running.is_empty() {
            tracing::info!(running = self.running.len(), "draining");
        }
        self.running.wait().await;
    }
}
