//! Orphaned messages: present in their stream, but below the consumer's ack floor, after a store was rolled back. They
//! would never be delivered, so they are published again, and their stage decides what to do with them.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use async_nats::{
    HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{message::StreamMessage, stream::LastRawMessageErrorKind},
};
use bus::Bus;
use contract::{
    signals::ORPHANED_MESSAGES,
    topology::{CONSUMERS, Consumer},
};

/// Orphans of one queue that are handled in one pass.
const ORPHANS_MAX: usize = 64;
/// Prefix of the broker's headers, which belong to the earlier publish.
const BROKER_HEADERS: &str = "nats-";

/// The orphans of the last pass, by stream and sequence, and when each was first seen.
#[derive(Default)]
pub(super) struct Orphans(HashMap<(&'static str, u64), Instant>);

impl Orphans {
    /// Checks every queue. A message that was an orphan for an ack wait is published again and deleted.
    pub(super) async fn pass(&mut self, bus: &Bus, ack_wait: Duration) -> anyhow::Result<()> {
        let mut seen = HashMap::new();
        for consumer in CONSUMERS {
            for orphan in orphans(bus, consumer).await? {
                let key = (consumer.stream.name, orphan.sequence);
                let since = self.0.get(&key).copied().unwrap_or_else(Instant::now);
                if since.elapsed() >= ack_wait {
                    republish(bus, consumer, orphan).await?;
                } else {
                    seen.insert(key, since);
                }
            }
        }
        self.0 = seen;
        Ok(())
    }
}

/// The messages at or below the ack floor: the consumer regards them as acked.
async fn orphans(bus: &Bus, consumer: Consumer) -> anyhow::Result<Vec<StreamMessage>> {
    // Read the floor first: a message acked in between is above it.
    let floor = bus.nats.consumer(consumer).await?.cached_info().ack_floor.stream_sequence;
    let stream = bus.nats.jetstream.get_stream(consumer.stream.name).await?;
    let state = &stream.cached_info().state;
    let (mut orphans, mut next) = (Vec::new(), state.first_sequence);
    while state.messages > 0 && next <= floor && orphans.len() < ORPHANS_MAX {
        let read = stream.get_first_raw_message_by_subject(consumer.stream.subjects, next).await;
        match read {
            Ok(message) if message.sequence <= floor => {
                next = message.sequence + 1;
                orphans.push(message);
            }
            Ok(_) => break,
            Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(orphans)
}

/// Publishes the same message under a fixed new id, so that the broker stores it once even if several gateways do this.
/// Then deletes the orphan.
async fn republish(bus: &Bus, consumer: Consumer, orphan: StreamMessage) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    for (name, values) in orphan.headers.iter() {
        let name: &str = name.as_ref();
        if !name.to_ascii_lowercase().starts_with(BROKER_HEADERS)
            || bus::origin::is_broker_header(name)
        {
            for value in values {
                headers.append(name, value.as_str());
            }
        }
    }
    let (stream, seq) = (consumer.stream.name, orphan.sequence);
    let stored_ns = orphan.time.unix_timestamp_nanos();
    headers.insert(NATS_MESSAGE_ID, format!("orphan:{stream}:{seq}:{stored_ns}"));
    bus.nats.jetstream.publish_with_headers(orphan.subject, headers, orphan.payload).await?.await?;
    let stream = bus.nats.jetstream.get_stream_no_info(stream).await?;
    // Another gateway may have been faster.
    let removed = stream.delete_message(seq).await;
    bus.service.metrics.count(&ORPHANED_MESSAGES, &[]);
    tracing::warn!(
        seq,
        stream = consumer.stream.name,
        removed = removed.is_ok(),
        "republish orphaned message: its sequence is at or below the consumer's ack floor"
    );
    Ok(())
}
