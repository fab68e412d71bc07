//! One span: the fields that lists and eviction need, and its canonical bytes.

use std::mem::size_of;
use std::sync::Arc;

use contract::signals::attr::{JOB_ID, JOB_KIND, LOST, VERDICT};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use otlp::limits::{DESCRIPTION_BYTES_MAX, NAME_BYTES_MAX};
use otlp::wire::{Fields, Value};
use otlp::{canonical_into, descriptor};
use prost::Message;

use super::attribute;
use super::encoded::Encoded;
use super::ids::{SpanId, TraceId};
use super::rejection::ItemRejection;
use super::resource_scope::ResourceScope;
use super::timestamps;

/// Memory of a span besides its bytes: its entry in the trace, which grows by doubling, and the allocator's share.
const SPAN_OVERHEAD: usize = 2 * (size_of::<StoredSpan>() + 3 * size_of::<u64>()) + 16;

/// The name lies within these first bytes of a span: the fields before it are shorter.
const NAME_WITHIN_BYTES: usize = NAME_BYTES_MAX + DESCRIPTION_BYTES_MAX + 256;

/// Longest text of a list attribute.
const LIST_TEXT_BYTES_MAX: usize = 128;

/// A span in the store.
#[derive(Debug)]
pub(crate) struct StoredSpan {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) failed: bool,
    pub(crate) is_root: bool,
    pub(crate) scope: Arc<ResourceScope>,
    /// Boxed, because most spans have none.
    list_attributes: Option<Box<ListAttributes>>,
    wire: Encoded,
}

/// The attributes of a span that lists of traces need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ListAttributes {
    pub(crate) job_kind: Option<Box<str>>,
    pub(crate) verdict: Option<Box<str>>,
    /// Another process exported the span for a process that was lost.
    pub(crate) lost: bool,
}

/// A span on its way into the store.
pub(crate) struct ArrivedSpan {
    pub(crate) trace: TraceId,
    pub(crate) id: SpanId,
    pub(crate) job_id: Option<Box<str>>,
    pub(crate) span: StoredSpan,
}

impl ArrivedSpan {
    /// Reads a span. `buffer` is overwritten.
    pub(crate) fn read(
        wire: &[u8],
        scope: &Arc<ResourceScope>,
        buffer: &mut Vec<u8>,
    ) -> Result<Self, ItemRejection> {
        canonical_into(&descriptor::SPAN, wire, buffer).map_err(ItemRejection::Item)?;
        let mut head = SpanHead::default();
        for (number, value) in Fields::of(buffer).flatten() {
            head.take(number, value);
        }
        let ids = (TraceId::from_wire(head.trace), SpanId::from_wire(head.id));
        let (Some(trace), Some(id)) = ids else { return Err(ItemRejection::InvalidIds) };
        let span = StoredSpan {
            start: head.start,
            end: head.end,
            failed: head.failed,
            is_root: SpanId::from_wire(head.parent).is_none(),
            scope: Arc::clone(scope),
            list_attributes: (head.list_attributes != ListAttributes::default())
                .then(|| Box::new(head.list_attributes)),
            wire: Encoded::of(buffer),
        };
        Ok(Self { trace, id, job_id: head.job_id, span })
    }
}

/// Decodes a span of the store.
pub(crate) fn decode(wire: &[u8]) -> Span {
    Span::decode(wire).expect("the store accepts only spans that can be decoded")
}

impl StoredSpan {
    /// Approximate memory.
    pub(crate) fn bytes(&self) -> usize {
        self.wire.memory()
            + SPAN_OVERHEAD
            + self.list_attributes.as_ref().map_or(0, |attributes| attributes.bytes())
    }

    /// The fields from which the trace's own are computed.
    pub(crate) fn outline(&self) -> (u64, u64, bool) {
        (self.start, self.end, self.failed)
    }

    /// Start and end, as far as they are plausible.
    pub(crate) fn extent(&self) -> Option<(u64, u64)> {
        timestamps::extent(self.start, self.end)
    }

    pub(crate) fn list_attributes(&self) -> Option<&ListAttributes> {
        self.list_attributes.as_deref()
    }

    /// Whether this copy was exported for a lost process, and `other` is the original or lasted as long: a killed process
    /// may have exported a span without removing it from its span journal.
    pub(crate) fn is_less_complete_than(&self, other: &Self) -> bool {
        let length = |span: &Self| span.end.saturating_sub(span.start);
        self.list_attributes().is_some_and(|attributes| attributes.lost)
            && length(self) <= length(other)
    }

    /// The encoded span.
    pub(crate) fn wire(&self) -> Encoded {
        self.wire.clone()
    }

    /// Applies `find` to the span's name, without decoding the rest.
    pub(crate) fn with_name<T>(&self, find: impl FnOnce(&str) -> T) -> T {
        let wire = self.wire.prefix(NAME_WITHIN_BYTES);
        let name = Fields::of(&wire).find_map(|field| match field {
            Ok((5, Value::Bytes(name))) => std::str::from_utf8(name).ok(),
            _ => None,
        });
        find(name.unwrap_or_default())
    }

    /// The attribute with this key, as text.
    pub(crate) fn attribute(&self, key: &str) -> Option<String> {
        Fields::of(&self.wire.bytes()).flatten().find_map(|field| match field {
            (9, Value::Bytes(pair)) if has_key(pair, key) => Some(value_text(pair)),
            _ => None,
        })
    }
}

impl ListAttributes {
    fn bytes(&self) -> usize {
        let texts = [&self.job_kind, &self.verdict].into_iter().flatten();
        size_of::<Self>() + 16 + texts.map(|text| text.len() + 16).sum::<usize>()
    }
}

/// The fields of a span that the store reads.
#[derive(Default)]
struct SpanHead<'a> {
    trace: &'a [u8],
    id: &'a [u8],
    parent: &'a [u8],
    start: u64,
    end: u64,
    failed: bool,
    job_id: Option<Box<str>>,
    list_attributes: ListAttributes,
}

impl<'a> SpanHead<'a> {
    fn take(&mut self, number: u32, value: Value<'a>) {
        match (number, value) {
            (1, Value::Bytes(id)) => self.trace = id,
            (2, Value::Bytes(id)) => self.id = id,
            (4, Value::Bytes(id)) => self.parent = id,
            (7, Value::Fixed64(nanos)) => self.start = nanos,
            (8, Value::Fixed64(nanos)) => self.end = nanos,
            (9, Value::Bytes(pair)) => self.attribute(pair),
            (15, Value::Bytes(status)) => self.failed = is_error(status),
            _ => {}
        }
    }

    fn attribute(&mut self, pair: &[u8]) {
        let text = || Some(shortened(value_text(pair)));
        if has_key(pair, JOB_ID) {
            self.job_id = self.job_id.take().or_else(|| Some(value_text(pair).into()));
        } else if has_key(pair, JOB_KIND) {
            self.list_attributes.job_kind = self.list_attributes.job_kind.take().or_else(text);
        } else if has_key(pair, VERDICT) {
            self.list_attributes.verdict = self.list_attributes.verdict.take().or_else(text);
        } else if has_key(pair, LOST) {
            self.list_attributes.lost = true;
        }
    }
}

fn is_error(status: &[u8]) -> bool {
    let is_code =
        |field| matches!(field, Ok((3, Value::Varint(code))) if code == StatusCode::Error as u64);
    Fields::of(status).any(is_code)
}

/// Whether the encoded attribute has this key.
pub(super) fn has_key(pair: &[u8], key: &str) -> bool {
    matches!(Fields::of(pair).next(), Some(Ok((1, Value::Bytes(found)))) if found == key.as_bytes())
}

/// The value of an encoded attribute as text.
pub(super) fn value_text(pair: &[u8]) -> String {
    let value = Fields::of(pair).flatten().find_map(|field| match field {
        (2, Value::Bytes(value)) => Some(value),
        _ => None,
    });
    let Some(value) = value else { return String::new() };
    // Most values are strings, which need no decoding.
    match Fields::of(value).next() {
        Some(Ok((1, Value::Bytes(text)))) => String::from_utf8_lossy(text).into_owned(),
        _ => attribute::text(&AnyValue::decode(value).unwrap_or_default()),
    }
}

/// Decodes an attribute.
pub(super) fn decode_pair(wire: &[u8]) -> KeyValue {
    KeyValue::decode(wire).unwrap_or_default()
}

fn shortened(mut text: String) -> Box<str> {
    text.truncate(text.floor_char_boundary(LIST_TEXT_BYTES_MAX));
    text.into()
}
