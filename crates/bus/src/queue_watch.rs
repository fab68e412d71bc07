//! How full the queues and stores are: depth, deliveries out, age of the oldest message, bytes. The gateway
//! publishes it for all of them, so that the numbers stay true when a stage is gone.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::stream::{DiscardPolicy, Info};
use contract::{
    api::{QueueList, QueueView, StoreView, WhenFull},
    signals::{
        Metric, NO_CONSUMER, QUEUE_ACK_PENDING, QUEUE_DEPTH, QUEUE_OLDEST_AGE, QUEUE_REDELIVERED,
        STREAM_BYTES, STREAM_BYTES_LIMIT,
    },
    topology::{CONSUMERS, Consumer, DEAD, STORES},
};
use futures_util::future::{join, join_all};
use runtime::stop::Stop;

use crate::{Bus, storage, work};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long the look at one stream may take.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// Looks at every queue and store until the stop. What cannot be looked at is left out: `/readyz` tells of
/// the broker, `/v1/queues` of each queue.
pub async fn watch(bus: &Bus, stop: &Stop) {
    loop {
        match look(bus).await {
            Ok(QueueList { queues, stores }) => {
                for queue in &queues {
                    show_queue(bus, queue);
                }
                for store in &stores {
                    show_store(bus, store);
                }
            }
            Err(error) => tracing::debug!(%error, "queues and stores could not be looked at"),
        }
        tokio::select! {
            () = stop.soft.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Looks at every queue and store now. One that cannot be looked at has an error of its own; when that is so
/// for every one because the broker does not say anything, there is nothing to show.
pub async fn look(bus: &Bus) -> anyhow::Result<QueueList> {
    let queues = join_all(queues().map(|(stream, consumer)| queue(bus, stream, consumer)));
    let stores = join_all(STORES.map(|stream| store(bus, stream)));
    let (queues, stores) = join(queues, stores).await;
    let (queues, mut errors): (Vec<_>, Vec<_>) = queues.into_iter().unzip();
    let (stores, more): (Vec<_>, Vec<_>) = stores.into_iter().unzip();
    errors.extend(more);
    let is_silent = |error: &Option<anyhow::Error>| {
        error.as_ref().is_some_and(|error| !storage::is_missing(error))
    };
    if errors.iter().all(is_silent)
        && let Some(error) = errors.into_iter().flatten().next()
    {
        return Err(error);
    }
    Ok(QueueList { queues, stores })
}

/// The streams and who reads them; nobody reads the dead letters.
fn queues() -> impl Iterator<Item = (&'static str, Option<Consumer>)> {
    let read = CONSUMERS.into_iter().map(|consumer| (consumer.stream.name, Some(consumer)));
    read.chain([(DEAD.name, None)])
}

/// A queue as far as it can be seen, and what kept the rest from being seen.
async fn queue(
    bus: &Bus,
    stream: &'static str,
    consumer: Option<Consumer>,
) -> (QueueView, Option<anyhow::Error>) {
    let name = consumer.map(|consumer| consumer.stage.name().to_owned());
    let info = match info_of(bus, stream).await {
        Ok(info) => info,
        Err(error) => {
            let store = unseen(stream, &error);
            return (QueueView { store, consumer: name, ..QueueView::default() }, Some(error));
        }
    };
    let mut view = QueueView {
        store: store_view(stream, &info),
        consumer: name,
        // Without a consumer every message waits.
        depth: Some(info.state.messages),
        ack_pending: Some(0),
        redelivered: Some(0),
        oldest_age_seconds: Some(oldest_age(bus, &info)),
    };
    let Some(consumer) = consumer else { return (view, None) };
    match work::open(bus, consumer).await {
        Ok(queue) => {
            let info = queue.cached_info();
            view.depth = Some(info.num_pending);
            view.ack_pending = Some(info.num_ack_pending as u64);
            view.redelivered = Some(info.num_redelivered as u64);
            (view, None)
        }
        Err(error) => {
            let what = format!("consumer {} of {stream}", consumer.stage);
            view.store.error = Some(public_error(&what, &error));
            if !storage::is_missing(&error) {
                (view.depth, view.ack_pending, view.redelivered) = (None, None, None);
            }
            (view, Some(error))
        }
    }
}

async fn store(bus: &Bus, stream: &'static str) -> (StoreView, Option<anyhow::Error>) {
    match info_of(bus, stream).await {
        Ok(info) => (store_view(stream, &info), None),
        Err(error) => (unseen(stream, &error), Some(error)),
    }
}

async fn info_of(bus: &Bus, stream: &str) -> anyhow::Result<Info> {
    let look = tokio::time::timeout(LOOK_LIMIT, bus.jetstream.get_stream(stream));
    Ok(look.await.context("no answer in time")??.cached_info().clone())
}

fn unseen(stream: &str, error: &anyhow::Error) -> StoreView {
    let error = Some(public_error(&format!("stream {stream}"), error));
    StoreView { stream: stream.to_owned(), error, ..StoreView::default() }
}

/// The error that a client sees: without internal causes.
fn public_error(what: &str, error: &anyhow::Error) -> String {
    if storage::is_missing(error) {
        format!("{what} is missing: run `waybill topology apply`")
    } else {
        tracing::debug!(error = format!("{error:#}"), "{what} could not be looked at");
        format!("{what} could not be looked at; the broker did not say why in time")
    }
}

fn store_view(stream: &str, info: &Info) -> StoreView {
    let (state, config) = (&info.state, &info.config);
    let bytes_max = u64::try_from(config.max_bytes).ok().filter(|bytes| *bytes > 0);
    StoreView {
        stream: stream.to_owned(),
        messages: Some(state.messages),
        bytes: Some(state.bytes),
        bytes_max,
        full: bytes_max.map(|max| state.bytes as f64 / max as f64),
        when_full: Some(match config.discard {
            DiscardPolicy::New => WhenFull::Refuses,
            DiscardPolicy::Old => WhenFull::Forgets,
        }),
        error: None,
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

/// A number that is not known keeps the value it had.
fn show(bus: &Bus, gauge: &Metric, labels: &[&str], value: Option<f64>) {
    if let Some(value) = value {
        bus.service.metrics.set(gauge, labels, value);
    }
}

fn show_queue(bus: &Bus, queue: &QueueView) {
    let consumer = queue.consumer.as_deref().unwrap_or(NO_CONSUMER);
    let labels = [queue.store.stream.as_str(), consumer];
    show(bus, &QUEUE_DEPTH, &labels, queue.depth.map(|depth| depth as f64));
    show(bus, &QUEUE_OLDEST_AGE, &labels, queue.oldest_age_seconds);
    if queue.consumer.is_some() {
        show(bus, &QUEUE_ACK_PENDING, &labels, queue.ack_pending.map(|pending| pending as f64));
        show(bus, &QUEUE_REDELIVERED, &labels, queue.redelivered.map(|again| again as f64));
    }
    show_store(bus, &queue.store);
}

fn show_store(bus: &Bus, store: &StoreView) {
    let labels = [store.stream.as_str()];
    show(bus, &STREAM_BYTES, &labels, store.bytes.map(|bytes| bytes as f64));
    show(bus, &STREAM_BYTES_LIMIT, &labels, store.bytes_max.map(|bytes| bytes as f64));
}
