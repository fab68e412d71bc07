//! Gauges of queues and stores. The gateway sets them for all stages, so that they stay correct while a stage is down.

use contract::{
    api::{QueueList, QueueView, StoreView},
    signals::{
        Metric, NO_CONSUMER, QUEUE_ACK_PENDING, QUEUE_DEPTH, QUEUE_OLDEST_AGE, QUEUE_REDELIVERED,
        STREAM_BYTES, STREAM_BYTES_LIMIT,
    },
};
use telemetry::Metrics;

/// Sets the gauges of all queues and stores. What could not be read keeps its last value: `/readyz` and `/v1/queues`
/// report it.
pub fn set(metrics: &Metrics, list: &QueueList) {
    list.queues.iter().for_each(|queue| show_queue(metrics, queue));
    list.stores.iter().for_each(|store| show_store(metrics, store));
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
