//! Queues and stores as the HTTP API shows them.

use async_nats::jetstream::stream::{DiscardPolicy, Info};
use contract::{
    api::{QueueList, QueueView, StoreView, WhenFull},
    topology::{CONSUMERS, Consumer, DEAD, STORES},
};

use super::StreamStates;
use crate::error_code::is_missing;

impl StreamStates {
    /// Every queue and store. One that could not be read carries its own error; fails only if the broker replied for
    /// none of them.
    pub fn queue_list(&self) -> Result<QueueList, &anyhow::Error> {
        let errors = || {
            let streams = self.streams.iter().map(|(_, info)| info.as_ref().err());
            streams.chain(self.consumers.iter().map(|(_, info)| info.as_ref().err()))
        };
        let is_unanswered =
            |error: Option<&anyhow::Error>| error.is_some_and(|error| !is_missing(error));
        if errors().all(is_unanswered)
            && let Some(error) = errors().flatten().next()
        {
            return Err(error);
        }
        let queues = queues().filter_map(|(stream, consumer)| self.queue(stream, consumer));
        let stores = STORES.iter().filter_map(|stream| self.store(stream));
        Ok(QueueList { queues: queues.collect(), stores: stores.collect() })
    }

    fn queue(&self, stream: &'static str, consumer: Option<Consumer>) -> Option<QueueView> {
        let name = consumer.map(|consumer| consumer.stage.name().to_owned());
        let info = match self.stream_result(stream)? {
            Ok(info) => info,
            Err(error) => {
                let store = unread(stream, error);
                return Some(QueueView { store, consumer: name, ..QueueView::default() });
            }
        };
        let mut view = QueueView {
            store: store_view(stream, info),
            consumer: name,
            // Without a consumer every message waits.
            depth: Some(info.state.messages),
            ack_pending: Some(0),
            redelivered: Some(0),
            oldest_age_seconds: Some(self.oldest_age(info)),
        };
        let Some(consumer) = consumer else { return Some(view) };
        match self.consumer_result(consumer)? {
            Ok(info) => {
                view.depth = Some(info.num_pending);
                view.ack_pending = Some(info.num_ack_pending as u64);
                view.redelivered = Some(info.num_redelivered as u64);
            }
            Err(error) => {
                let what = format!("consumer {} of {stream}", consumer.stage);
                view.store.error = Some(public_error(&what, error));
                if !is_missing(error) {
                    (view.depth, view.ack_pending, view.redelivered) = (None, None, None);
                }
            }
        }
        Some(view)
    }

    fn store(&self, stream: &str) -> Option<StoreView> {
        Some(match self.stream_result(stream)? {
            Ok(info) => store_view(stream, info),
            Err(error) => unread(stream, error),
        })
    }

    /// Age of the oldest message in seconds, by broker time.
    fn oldest_age(&self, info: &Info) -> f64 {
        if info.state.messages == 0 {
            return 0.0;
        }
        let age_ns = self.at_ns - info.state.first_timestamp.unix_timestamp_nanos();
        age_ns.max(0) as f64 / 1e9
    }
}

/// The streams and their consumers; the dead letters have none.
fn queues() -> impl Iterator<Item = (&'static str, Option<Consumer>)> {
    let read = CONSUMERS.into_iter().map(|consumer| (consumer.stream.name, Some(consumer)));
    read.chain([(DEAD.name, None)])
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
