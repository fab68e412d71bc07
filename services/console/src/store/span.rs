//! One span as it is kept: what searching and evicting ask for, and the bytes it came in.

use std::sync::Arc;

use contract::signals::attr::{JOB_ID, LOST};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;

use super::attribute;
use super::ids::{SpanId, TraceId};
use super::origin::Origin;
use super::protobuf::{Fields, Malformed, Value};
use super::refused::{ITEM_BYTES_MAX, Refused};
use super::schema;

/// Memory of a kept span beyond its bytes: this struct, its place in the trace, the allocator's share.
pub(crate) const SPAN_OVERHEAD: usize = 160;

/// A span in the store.
#[derive(Debug)]
pub(crate) struct StoredSpan {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) failed: bool,
    pub(crate) is_root: bool,
    pub(crate) origin: Arc<Origin>,
    /// Shared, so that readers decode without holding the store.
    wire: Arc<[u8]>,
}

/// A span on its way into the store.
pub(crate) struct ArrivedSpan<'a> {
    pub(crate) trace: TraceId,
    pub(crate) id: SpanId,
    /// Which job it works for, if it says so.
    pub(crate) job: Option<&'a str>,
    pub(crate) span: StoredSpan,
}

impl<'a> ArrivedSpan<'a> {
    /// Reads what the store needs and checks the rest; the inner error refuses this span alone.
    pub(crate) fn read(
        wire: &'a [u8],
        origin: &Arc<Origin>,
    ) -> Result<Result<Self, Refused>, Malformed> {
        let mut head = Head::default();
        for field in Fields::of(wire) {
            let (number, value) = field?;
            schema::SPAN.check(number, value)?;
            head.take(number, value);
        }
        if wire.len() > ITEM_BYTES_MAX {
            return Ok(Err(Refused::TooLarge));
        }
        let ids = (TraceId::from_wire(head.trace), SpanId::from_wire(head.id));
        let (Some(trace), Some(id)) = ids else { return Ok(Err(Refused::Ids)) };
        let span = StoredSpan {
            start: head.start,
            end: head.end,
            failed: head.failed,
            is_root: SpanId::from_wire(head.parent).is_none(),
            origin: Arc::clone(origin),
            wire: wire.into(),
        };
        Ok(Ok(Self { trace, id, job: head.job, span }))
    }
}

/// The span in these bytes, which come from the store.
pub(crate) fn decode(wire: &[u8]) -> Span {
    Span::decode(wire).expect("the schema let only readable spans in")
}

impl StoredSpan {
    /// Memory it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        self.wire.len() + SPAN_OVERHEAD
    }

    /// What it adds to the picture of its trace.
    pub(crate) fn outline(&self) -> (u64, u64, bool) {
        (self.start, self.end, self.failed)
    }

    /// Whether this copy was told after its process went away, and `other` lasted longer or was not:
    /// a killed process may have sent a span whose line it had no time to take back.
    pub(crate) fn says_less_than(&self, other: &Self) -> bool {
        let length = |span: &Self| span.end.saturating_sub(span.start);
        self.attribute(LOST).is_some() && length(self) <= length(other)
    }

    /// The whole span, still as it came, and who sent it.
    pub(crate) fn share(&self) -> (Arc<Origin>, Arc<[u8]>) {
        (Arc::clone(&self.origin), Arc::clone(&self.wire))
    }

    /// The span's name, found without decoding.
    pub(crate) fn name(&self) -> &str {
        self.fields()
            .find_map(|field| match field {
                (5, Value::Bytes(name)) => std::str::from_utf8(name).ok(),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// The attribute with this key, as text.
    pub(crate) fn attribute(&self, key: &str) -> Option<String> {
        self.fields().find_map(|field| match field {
            (9, Value::Bytes(pair)) if has_key(pair, key) => Some(value_text(pair)),
            _ => None,
        })
    }

    fn fields(&self) -> impl Iterator<Item = (u32, Value<'_>)> {
        Fields::of(&self.wire).filter_map(Result::ok)
    }
}

/// The fields of a span that the store asks for.
#[derive(Default)]
struct Head<'a> {
    trace: &'a [u8],
    id: &'a [u8],
    parent: &'a [u8],
    start: u64,
    end: u64,
    failed: bool,
    job: Option<&'a str>,
}

impl<'a> Head<'a> {
    fn take(&mut self, number: u32, value: Value<'a>) {
        match (number, value) {
            (1, Value::Bytes(id)) => self.trace = id,
            (2, Value::Bytes(id)) => self.id = id,
            (4, Value::Bytes(id)) => self.parent = id,
            (7, Value::Fixed64(nanos)) => self.start = nanos,
            (8, Value::Fixed64(nanos)) => self.end = nanos,
            (9, Value::Bytes(pair)) if has_key(pair, JOB_ID) => {
                self.job = string_of(pair);
            }
            (15, Value::Bytes(status)) => self.failed = is_error(status),
            _ => {}
        }
    }
}

fn is_error(status: &[u8]) -> bool {
    let is_code =
        |field| matches!(field, Ok((3, Value::Varint(code))) if code == StatusCode::Error as u64);
    Fields::of(status).any(is_code)
}

/// Whether the encoded attribute begins with this key, where every encoder we know puts it.
pub(super) fn has_key(pair: &[u8], key: &str) -> bool {
    matches!(Fields::of(pair).next(), Some(Ok((1, Value::Bytes(found)))) if found == key.as_bytes())
}

/// The value of an encoded attribute as text.
pub(super) fn value_text(pair: &[u8]) -> String {
    let pair = KeyValue::decode(pair).unwrap_or_default();
    pair.value.as_ref().map(attribute::text).unwrap_or_default()
}

/// The value of an encoded attribute, if it is a string.
fn string_of(pair: &[u8]) -> Option<&str> {
    let bytes_in = |message, wanted| {
        Fields::of(message).find_map(|field| match field {
            Ok((number, Value::Bytes(bytes))) if number == wanted => Some(bytes),
            _ => None,
        })
    };
    std::str::from_utf8(bytes_in(bytes_in(pair, 2)?, 1)?).ok()
}
