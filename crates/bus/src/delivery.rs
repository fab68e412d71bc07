//! One delivery as a handler sees it. The handler cannot settle it: the work loop does.

use std::time::Duration;

use async_nats::{HeaderMap, jetstream::Message};
use bytes::Bytes;
use contract::{
    Stage,
    event::{EventHead, NotAnEvent},
    signals::{self, attr, reason},
};
use opentelemetry::Context;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    Bus, Failure, headers,
    in_flight::AckGuard,
    origin::{self, BrokerCopy},
    spans,
};

/// One delivery of a message.
pub struct Delivery {
    /// The message's subject.
    pub subject: String,
    /// The data as it came. Check [`Self::data`] before it is used.
    pub raw: Bytes,
    /// The headers as they came.
    pub headers: HeaderMap,
    /// Its stream sequence.
    pub seq: u64,
    /// When the broker stored it; Unix nanoseconds, broker time.
    pub published_at_ns: i128,
    /// Whether the broker delivered it before.
    pub redelivered: bool,
    /// Cancelled when the process must exit immediately.
    pub hard_stop: CancellationToken,
    /// Trace context and baggage from the headers.
    pub context: Context,
    /// How often the broker delivered it, this time included.
    pub deliveries: u32,
    pub(crate) ack_guard: AckGuard,
    origin: Result<(), BrokerCopy>,
    head: Result<EventHead, NotAnEvent>,
    received_at_ms: i64,
}

impl Delivery {
    pub(crate) fn new(
        bus: &Bus,
        message: Message,
        ack_guard: AckGuard,
        hard_stop: CancellationToken,
    ) -> Result<Self, async_nats::Error> {
        let info = message.info()?;
        let (seq, published_at_ns) = (info.stream_sequence, info.published.unix_timestamp_nanos());
        let deliveries = u32::try_from(info.delivered).unwrap_or(u32::MAX);
        let (message, _) = message.split();
        let headers = message.headers.unwrap_or_default();
        let context = headers::context_of(&headers);
        Ok(Self {
            subject: message.subject.to_string(),
            raw: message.payload,
            seq,
            published_at_ns,
            redelivered: deliveries > 1,
            hard_stop,
            origin: origin::check(&headers),
            head: EventHead::read(|name| headers::value(&headers, name)),
            context,
            headers,
            ack_guard,
            deliveries,
            received_at_ms: bus.service.clock.stamp_ms(),
        })
    }

    /// The event's attributes. Rejects a message without them, and one that no stage published.
    pub fn event(&self) -> Result<&EventHead, Failure> {
        self.origin.map_err(|copy| Failure::reject(reason::MALFORMED, copy))?;
        self.head.as_ref().map_err(|error| Failure::reject(reason::MALFORMED, error.clone()))
    }

    /// The data as `T`. Rejects data that is not a `T`, naming the wrong field, and a message that no stage published.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        contract::parse_json(self.data()?)
            .map_err(|error| Failure::reject(reason::MALFORMED, error))
    }

    /// The data, if a stage published the message. All readers of the data go through here.
    pub fn data(&self) -> Result<&[u8], Failure> {
        self.origin.map_err(|copy| Failure::reject(reason::MALFORMED, copy))?;
        Ok(&self.raw)
    }

    /// The first value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        headers::value(&self.headers, name)
    }

    /// The queue wait since `since_ms` (displayed clock of this service, Unix milliseconds). Negative when clocks
    /// disagree.
    pub fn queue_wait_ms(&self, since_ms: i64) -> i64 {
        self.received_at_ms - since_ms
    }

    /// Records the queue wait since `since_ms` on the span and in the metrics; counts a negative one.
    pub fn note_queue_wait(&self, bus: &Bus, since_ms: i64) {
        let stage = bus.stage.name();
        let wait_ms = self.queue_wait_ms(since_ms);
        tracing::Span::current().set_attribute(attr::QUEUE_WAIT_MS, wait_ms);
        let metrics = &bus.service.metrics;
        if wait_ms < 0 {
            metrics.count(&signals::QUEUE_WAIT_NEGATIVE, &[stage]);
        }
        metrics.observe(
            &signals::QUEUE_WAIT,
            &[stage],
            Duration::from_millis(wait_ms.max(0).unsigned_abs()).as_secs_f64(),
        );
        spans::queued(bus, self, since_ms, self.received_at_ms);
    }

    /// When the broker stored it; Unix milliseconds.
    pub fn published_at_ms(&self) -> i64 {
        i64::try_from(self.published_at_ns / 1_000_000).unwrap_or(i64::MAX)
    }

    /// Whether `stage` is the event's source.
    pub fn is_from(&self, stage: Stage) -> bool {
        self.event().is_ok_and(|head| head.source == format!("/waybill/{stage}"))
    }
}
