//! How full the queues and stores are: depth, deliveries out, age of the oldest message, bytes. The gateway
//! publishes it for all of them, so that the numbers stay true when a stage is gone.

use std::time::Duration;

use async_nats::jetstream::stream::{DiscardPolicy, Info};
use contract::{
    api::{QueueList, QueueView, StoreView, WhenFull},
    signals::{
        NO_CONSUMER, QUEUE_ACK_PENDING, QUEUE_DEPTH, QUEUE_OLDEST_AGE, QUEUE_REDELIVERED,
        STREAM_BYTES, STREAM_BYTES_LIMIT,
    },
    topology::{CONSUMERS, Consumer, DEAD, STORES},
};
use futures_util::future::{join_all, try_join_all};
use service::stop::Stop;

use crate::{Bus, work};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks at every queue and store until the stop. A look that fails is left out: `/readyz` tells of the broker.
pub async fn watch(bus: &Bus, stop: &Stop) {
    loop {
        for queue in join_all(queues().map(|(stream, consumer)| queue(bus, stream, consumer))).await
        {
            match queue {
                Ok(queue) => show_queue(bus, &queue),
                Err(error) => tracing::debug!(%error, "a queue could not be looked at"),
            }
        }
        for store in join_all(STORES.map(|stream| store(bus, stream))).await {
            match store {
                Ok(store) => show_store(bus, &store),
                Err(error) => tracing::debug!(%error, "a store could not be looked at"),
            }
        }
        tokio::select! {
            () = stop.soft.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Looks at every queue and store now.
pub async fn look(bus: &Bus) -> anyhow::Result<QueueList> {
    let queues =
        try_join_all(queues().map(|(stream, consumer)| queue(bus, stream, consumer))).await?;
    let stores = try_join_all(STORES.map(|stream| store(bus, stream))).await?;
    Ok(QueueList { queues, stores })
}

/// The streams and who reads them; nobody reads the dead letters.
fn queues() -> impl Iterator<Item = (&'static str, Option<Consumer>)> {
    let read = CONSUMERS.into_iter().map(|consumer| (consumer.stream.name, Some(consumer)));
    read.chain([(DEAD.name, None)])
}

async fn queue(
    bus: &Bus,
    stream: &'static str,
    consumer: Option<Consumer>,
) -> anyhow::Result<QueueView> {
    let info = bus.jetstream.get_stream(stream).await?.cached_info().clone();
    let mut view = QueueView {
        // What nobody reads waits, all of it.
        depth: info.state.messages,
        consumer: None,
        ack_pending: 0,
        redelivered: 0,
        oldest_age_seconds: oldest_age(bus, &info),
        store: store_view(stream, &info),
    };
    if let Some(consumer) = consumer {
        let queue = work::open(bus, consumer).await?;
        let info = queue.cached_info();
        view.consumer = Some(consumer.stage.name().to_owned());
        view.depth = info.num_pending;
        view.ack_pending = info.num_ack_pending as u64;
        view.redelivered = info.num_redelivered as u64;
    }
    Ok(view)
}

async fn store(bus: &Bus, stream: &'static str) -> anyhow::Result<StoreView> {
    Ok(store_view(stream, bus.jetstream.get_stream(stream).await?.cached_info()))
}

fn store_view(stream: &str, info: &Info) -> StoreView {
    let (state, config) = (&info.state, &info.config);
    let bytes_max = u64::try_from(config.max_bytes).ok().filter(|bytes| *bytes > 0);
    StoreView {
        stream: stream.to_owned(),
        messages: state.messages,
        bytes: state.bytes,
        bytes_max,
        full: bytes_max.map(|max| state.bytes as f64 / max as f64),
        when_full: match config.discard {
            DiscardPolicy::New => WhenFull::Refuses,
            DiscardPolicy::Old => WhenFull::Forgets,
        },
    }
}

/// Age of the oldest message in seconds, by the broker's time.
fn oldest_age(bus: &Bus, info: &Info) -> f64 {
    if info.state.messages == 0 {
        return 0.0;
    }
    let age_ns = bus.time.now_ns() - info.state.first_timestamp.unix_timestamp_nanos();
    age_ns.max(0) as f64 / 1e9
}

fn show_queue(bus: &Bus, queue: &QueueView) {
    let consumer = queue.consumer.as_deref().unwrap_or(NO_CONSUMER);
    let (labels, metrics) = ([queue.store.stream.as_str(), consumer], &bus.vitals.metrics);
    metrics.set(&QUEUE_DEPTH, &labels, queue.depth as f64);
    metrics.set(&QUEUE_OLDEST_AGE, &labels, queue.oldest_age_seconds);
    if queue.consumer.is_some() {
        metrics.set(&QUEUE_ACK_PENDING, &labels, queue.ack_pending as f64);
        metrics.set(&QUEUE_REDELIVERED, &labels, queue.redelivered as f64);
    }
    show_store(bus, &queue.store);
}

fn show_store(bus: &Bus, store: &StoreView) {
    let (labels, metrics) = ([store.stream.as_str()], &bus.vitals.metrics);
    metrics.set(&STREAM_BYTES, &labels, store.bytes as f64);
    if let Some(bytes_max) = store.bytes_max {
        metrics.set(&STREAM_BYTES_LIMIT, &labels, bytes_max as f64);
    }
}
