//! Messages that their consumer takes for acked though they are there: a store that was rolled back has them again. They
//! would lie in their queue for ever, so they are sent once more, and their stage finds out what is to be done.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use async_nats::{
    HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{message::StreamMessage, stream::LastRawMessageErrorKind},
};
use bus::{Bus, work};
use contract::{
    signals::ORPHANED_MESSAGES,
    topology::{CONSUMERS, Consumer},
};

/// Orphans of one queue that are looked at in one pass.
const ORPHANS_MAX: usize = 64;
/// Headers that speak to the broker about another sending.
const BROKERS_OWN: &str = "nats-";

/// The orphans of the last pass, by stream and sequence, and since when they have been seen.
#[derive(Default)]
pub(super) struct Orphans(HashMap<(&'static str, u64), Instant>);

impl Orphans {
    /// Looks at every queue. Who was an orphan for an ack wait is sent again and removed.
    pub(super) async fn pass(&mut self, bus: &Bus, ack_wait: Duration) -> anyhow::Result<()> {
        let mut seen = HashMap::new();
        for consumer in CONSUMERS {
            for orphan in orphans(bus, consumer).await? {
                let key = (consumer.stream.name, orphan.sequence);
                let since = self.0.get(&key).copied().unwrap_or_else(Instant::now);
                if since.elapsed() >= ack_wait {
                    send_again(bus, consumer, orphan).await?;
                } else {
                    seen.insert(key, since);
                }
            }
        }
        self.0 = seen;
        Ok(())
    }
}

/// The messages at or below the ack floor: for their consumer they are done.
async fn orphans(bus: &Bus, consumer: Consumer) -> anyhow::Result<Vec<StreamMessage>> {
    // In this order: what is acked in between is below no floor that was read before.
    let floor = work::open(bus, consumer).await?.cached_info().ack_floor.stream_sequence;
    let stream = bus.jetstream.get_stream(consumer.stream.name).await?;
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

/// The same message under an id of its own, of which the broker takes one, whoever sends it. Then the orphan goes.
async fn send_again(bus: &Bus, consumer: Consumer, orphan: StreamMessage) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    for (name, values) in orphan.headers.iter() {
        let name: &str = name.as_ref();
        if !name.to_ascii_lowercase().starts_with(BROKERS_OWN) || bus::marks_a_copy(name) {
            for value in values {
                headers.append(name, value.as_str());
            }
        }
    }
    let (stream, seq) = (consumer.stream.name, orphan.sequence);
    let stored_ns = orphan.time.unix_timestamp_nanos();
    headers.insert(NATS_MESSAGE_ID, format!("orphan:{stream}:{seq}:{stored_ns}"));
    bus.jetstream.publish_with_headers(orphan.subject, headers, orphan.payload).await?.await?;
    let stream = bus.jetstream.get_stream_no_info(stream).await?;
    // Another gateway may have been faster.
    let removed = stream.delete_message(seq).await;
    bus.service.metrics.count(&ORPHANED_MESSAGES, &[]);
    tracing::warn!(
        seq,
        stream = consumer.stream.name,
        removed = removed.is_ok(),
        "a message that its consumer had forgotten was sent again"
    );
    Ok(())
}
