//! Publishes how full a worker's queue is: depth, deliveries out, age of the oldest message.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::consumer::PullConsumer;
use contract::{signals, topology::Consumer};
use service::stop::Stop;

use crate::{Bus, work};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks at the queue of `consumer` until the stop. A look that fails is left out: `/readyz` tells.
pub(crate) async fn watch(bus: Arc<Bus>, consumer: Consumer, stop: Stop) {
    let Ok(mut queue) = work::open(&bus, consumer).await else { return };
    loop {
        if let Err(error) = look(&bus, consumer, &mut queue).await {
            tracing::debug!(%error, "the queue could not be looked at");
        }
        tokio::select! {
            () = stop.soft.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn look(bus: &Bus, consumer: Consumer, queue: &mut PullConsumer) -> anyhow::Result<()> {
    let metrics = &bus.vitals.metrics;
    let labels = [consumer.stream.name, consumer.stage.name()];
    let info = queue.info().await?;
    metrics.set(&signals::QUEUE_DEPTH, &labels, info.num_pending as f64);
    metrics.set(&signals::QUEUE_ACK_PENDING, &labels, info.num_ack_pending as f64);
    metrics.set(&signals::QUEUE_REDELIVERED, &labels, info.num_redelivered as f64);
    let stream = bus.jetstream.get_stream(consumer.stream.name).await?;
    let state = &stream.cached_info().state;
    let age_ns = if state.messages == 0 {
        0
    } else {
        bus.time.now_ns() - state.first_timestamp.unix_timestamp_nanos()
    };
    metrics.set(&signals::QUEUE_OLDEST_AGE, &labels, (age_ns.max(0) as f64) / 1e9);
    Ok(())
}
