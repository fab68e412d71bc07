//! Publishes how full the queues are: depth, deliveries out, age of the oldest message. The gateway
//! does it for all of them, so that the numbers stay true when a stage is gone.

use std::time::Duration;

use contract::{
    signals::{NO_CONSUMER, QUEUE_ACK_PENDING, QUEUE_DEPTH, QUEUE_OLDEST_AGE, QUEUE_REDELIVERED},
    topology::{CONSUMERS, Consumer, DEAD},
};
use service::stop::Stop;

use crate::{Bus, work};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks at every queue until the stop. A look that fails is left out: `/readyz` tells of the broker.
pub async fn watch(bus: &Bus, stop: &Stop) {
    loop {
        for consumer in CONSUMERS {
            if let Err(error) = look(bus, consumer).await {
                tracing::debug!(%error, stream = consumer.stream.name, "a queue could not be looked at");
            }
        }
        if let Err(error) = look_at_dead_letters(bus).await {
            tracing::debug!(%error, "the dead letters could not be looked at");
        }
        tokio::select! {
            () = stop.soft.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn look(bus: &Bus, consumer: Consumer) -> anyhow::Result<()> {
    let labels = [consumer.stream.name, consumer.stage.name()];
    let queue = work::open(bus, consumer).await?;
    let info = queue.cached_info();
    let metrics = &bus.vitals.metrics;
    metrics.set(&QUEUE_DEPTH, &labels, info.num_pending as f64);
    metrics.set(&QUEUE_ACK_PENDING, &labels, info.num_ack_pending as f64);
    metrics.set(&QUEUE_REDELIVERED, &labels, info.num_redelivered as f64);
    let (_, age) = stored(bus, consumer.stream.name).await?;
    metrics.set(&QUEUE_OLDEST_AGE, &labels, age);
    Ok(())
}

/// Nobody consumes them, so all of them wait.
async fn look_at_dead_letters(bus: &Bus) -> anyhow::Result<()> {
    let labels = [DEAD.name, NO_CONSUMER];
    let (messages, age) = stored(bus, DEAD.name).await?;
    bus.vitals.metrics.set(&QUEUE_DEPTH, &labels, messages as f64);
    bus.vitals.metrics.set(&QUEUE_OLDEST_AGE, &labels, age);
    Ok(())
}

/// How many messages a stream holds, and the age of the oldest in seconds, by the broker's time.
async fn stored(bus: &Bus, stream: &str) -> anyhow::Result<(u64, f64)> {
    let stream = bus.jetstream.get_stream(stream).await?;
    let state = &stream.cached_info().state;
    if state.messages == 0 {
        return Ok((0, 0.0));
    }
    let age_ns = bus.time.now_ns() - state.first_timestamp.unix_timestamp_nanos();
    Ok((state.messages, age_ns.max(0) as f64 / 1e9))
}
