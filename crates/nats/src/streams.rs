//! Metrics of queues and stores: depth, pending acks, age of the oldest message, bytes. The gateway reports all of
//! them, so that they stay correct while a stage is down.

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
use telemetry::Metrics;

use crate::{Connection, error_code::is_missing};

/// Interval at which the metrics are updated.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// Timeout for reading one stream.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Updates the metrics until the stop. A queue that cannot be read is skipped: `/readyz` and `/v1/queues` report it.
pub async fn watch(nats: &Connection, metrics: &Metrics, stop: &Stop) {
    loop {
        match snapshot(nats).await {
            Ok(QueueList { queues, stores }) => {
                for queue in &queues {
                    show_queue(metrics, queue);
                }
                for store in &stores {
                    show_store(metrics, store);
                }
            }
            Err(error) => tracing::debug!(%error, "read queues and stores failed"),
        }
        tokio::select! {
            () = stop.soft.cancelled() => return,
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

/// Reads every queue and store now. One that cannot be read carries its own error; fails only if the broker replied
/// for none of them.
pub async fn snapshot(nats: &Connection) -> anyhow::Result<QueueList> {
    let queues = join_all(queues().map(|(stream, consumer)| queue(nats, stream, consumer)));
    let stores = join_all(STORES.map(|stream| store(nats, stream)));
    let (queues, stores) = join(queues, stores).await;
    let (queues, mut errors): (Vec<_>, Vec<_>) = queues.into_iter().unzip();
    let (stores, more): (Vec<_>, Vec<_>) = stores.into_iter().unzip();
    errors.extend(more);
    let is_unanswered =
        |error: &Option<anyhow::Error>| error.as_ref().is_some_and(|error| !is_missing(error));
    if errors.iter().all(is_unanswered)
        && let Some(error) = errors.into_iter().flatten().next()
    {
        return Err(error);
    }
    Ok(QueueList { queues, stores })
}

/// The streams and their consumers; the dead letters have none.
fn queues() -> impl Iterator<Item = (&'static str, Option<Consumer>)> {
    let read = CONSUMERS.into_iter().map(|consumer| (consumer.stream.name, Some(consumer)));
    read.chain([(DEAD.name, None)])
}

/// A queue as far as it could be read, and the error if part of it could not.
async fn queue(
    nats: &Connection,
    stream: &'static str,
    consumer: Option<Consumer>,
) -> (QueueView, Option<anyhow::Error>) {
    let name = consumer.map(|consumer| consumer.stage.name().to_owned());
    let info = match info_of(nats, stream).await {
        Ok(info) => info,
        Err(error) => {
            let store = unread(stream, &error);
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
        oldest_age_seconds: Some(oldest_age(nats, &info)),
    };
    let Some(consumer) = consumer else { return (view, None) };
    match nats.consumer(consumer).await {
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
            if !is_missing(&error) {
                (view.depth, view.ack_pending, view.redelivered) = (None, None, None);
            }
            (view, Some(error))
        }
    }
}

async fn store(nats: &Connection, stream: &'static str) -> (StoreView, Option<anyhow::Error>) {
    match info_of(nats, stream).await {
        Ok(info) => (store_view(stream, &info), None),
        Err(error) => (unread(stream, &error), Some(error)),
    }
}

async fn info_of(nats: &Connection, stream: &str) -> anyhow::Result<Info> {
    let info = tokio::time::timeout(READ_TIMEOUT, nats.jetstream.get_stream(stream));
    Ok(info.await.context("the broker did not reply in time")??.cached_info().clone())
}

fn unread(stream: &str, error: &anyhow::Error) -> StoreView {
    let error = Some(public_error(&format!("stream {stream}"), error));
    StoreView { stream: stream.to_owned(), error, ..StoreView::default() }
}

/// The error as shown to clients: without internal causes.
fn public_error(what: &str, error: &anyhow::Error) -> String {
    if is_missing(error) {
        format!("{what} is missing: run `waybill topology apply`")
    } else {
        tracing::debug!(error = format!("{error:#}"), "read {what} failed");
        format!("{what} could not be read: the broker did not reply in time")
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

/// Age of the oldest message in seconds, by broker time.
fn oldest_age(nats: &Connection, info: &Info) -> f64 {
    if info.state.messages == 0 {
        return 0.0;
    }
    let age_ns = nats.time.now_ns() - info.state.first_timestamp.unix_timestamp_nanos();
    age_ns.max(0) as f64 / 1e9
}

/// Sets the gauge; an unknown number keeps its last value.
fn show(metrics: &Metrics, gauge: &Metric, labels: &[&str], value: Option<f64>) {
    if let Some(value) = value {
        metrics.set(gauge, labels, value);
    }
}

fn show_queue(metrics: &Metrics, queue: &QueueView) {
    let consumer = queue.consumer.as_deref().unwrap_or(NO_CONSUMER);
    let labels = [queue.store.stream.as_str(), consumer];
    show(metrics, &QUEUE_DEPTH, &labels, queue.depth.map(|depth| depth as f64));
    show(metrics, &QUEUE_OLDEST_AGE, &labels, queue.oldest_age_seconds);
    if queue.consumer.is_some() {
        show(metrics, &QUEUE_ACK_PENDING, &labels, queue.ack_pending.map(|pending| pending as f64));
        show(metrics, &QUEUE_REDELIVERED, &labels, queue.redelivered.map(|again| again as f64));
    }
    show_store(metrics, &queue.store);
}

fn show_store(metrics: &Metrics, store: &StoreView) {
    let labels = [store.stream.as_str()];
    show(metrics, &STREAM_BYTES, &labels, store.bytes.map(|bytes| bytes as f64));
    show(metrics, &STREAM_BYTES_LIMIT, &labels, store.bytes_max.map(|bytes| bytes as f64));
}
