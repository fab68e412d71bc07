//! One span as it is kept: what lists and eviction ask for, and its canonical bytes.

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
use super::origin::Origin;
use super::refused::Refused;
use super::times;

/// Memory of a kept span beyond its bytes: its entry in the trace, which grows by doubling, and the allocator's share.
const SPAN_OVERHEAD: usize = 2 * (size_of::<StoredSpan>() + 3 * size_of::<u64>()) + 16;

/// Within these first bytes of a span is its name: what comes before it is no longer.
const NAME_WITHIN_BYTES: usize = NAME_BYTES_MAX + DESCRIPTION_BYTES_MAX + 256;

/// Longest text of a mark.
const MARK_BYTES_MAX: usize = 128;

/// A span in the store.
#[derive(Debug)]
pub(crate) struct StoredSpan {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) failed: bool,
    pub(crate) is_root: bool,
    pub(crate) origin: Arc<Origin>,
    /// What lists show of it; most spans have none.
    marks: Option<Box<Marks>>,
    wire: Encoded,
}

/// The attributes that lists show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) job_kind: Option<Box<str>>,
    pub(crate) verdict: Option<Box<str>>,
    /// Another process recorded it for one that went away.
    pub(crate) lost: bool,
}

/// A span on its way into the store.
pub(crate) struct ArrivedSpan {
    pub(crate) trace: TraceId,
    pub(crate) id: SpanId,
    /// Which job it works for, if it says so.
    pub(crate) job: Option<Box<str>>,
    pub(crate) span: StoredSpan,
}

impl ArrivedSpan {
    /// Reads a span, or says why it is refused. `buffer` is written over.
    pub(crate) fn read(
        wire: &[u8],
        origin: &Arc<Origin>,
        buffer: &mut Vec<u8>,
    ) -> Result<Self, Refused> {
        canonical_into(&descriptor::SPAN, wire, buffer).map_err(Refused::Item)?;
        let mut head = Head::default();
        for (number, value) in Fields::of(buffer).flatten() {
            head.take(number, value);
        }
        let ids = (TraceId::from_wire(head.trace), SpanId::from_wire(head.id));
        let (Some(trace), Some(id)) = ids else { return Err(Refused::Ids) };
        let span = StoredSpan {
            start: head.start,
            end: head.end,
            failed: head.failed,
            is_root: SpanId::from_wire(head.parent).is_none(),
            origin: Arc::clone(origin),
            marks: (head.marks != Marks::default()).then(|| Box::new(head.marks)),
            wire: Encoded::of(buffer),
        };
        Ok(Self { trace, id, job: head.job, span })
    }
}

/// The span in these bytes, which come from the store.
pub(crate) fn decode(wire: &[u8]) -> Span {
    Span::decode(wire).expect("the decoder lets only readable spans in")
}

impl StoredSpan {
    /// Memory it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        self.wire.memory() + SPAN_OVERHEAD + self.marks.as_ref().map_or(0, |marks| marks.bytes())
    }

    /// What it adds to the picture of its trace.
    pub(crate) fn outline(&self) -> (u64, u64, bool) {
        (self.start, self.end, self.failed)
    }

    /// From when to when, as far as its times can be believed.
    pub(crate) fn extent(&self) -> Option<(u64, u64)> {
        times::extent(self.start, self.end)
    }

    /// What lists show of it.
    pub(crate) fn marks(&self) -> Option<&Marks> {
        self.marks.as_deref()
    }

    /// Whether this copy was exported after its process was lost, and `other` lasted longer or was not:
    /// a killed process may have sent a span whose line it had no time to take back.
    pub(crate) fn says_less_than(&self, other: &Self) -> bool {
        let length = |span: &Self| span.end.saturating_sub(span.start);
        self.marks().is_some_and(|marks| marks.lost) && length(self) <= length(other)
    }

    /// The whole span, still encoded.
    pub(crate) fn wire(&self) -> Encoded {
        self.wire.clone()
    }

    /// What is found in the span's name, without decoding the rest.
    pub(crate) fn with_name<T>(&self, find: impl FnOnce(&str) -> T) -> T {
        let wire = self.wire.beginning(NAME_WITHIN_BYTES);
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

impl Marks {
    fn bytes(&self) -> usize {
        let texts = [&self.job_kind, &self.verdict].into_iter().flatten();
        size_of::<Self>() + 16 + texts.map(|text| text.len() + 16).sum::<usize>()
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
    job: Option<Box<str>>,
    marks: Marks,
}

impl<'a> Head<'a> {
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
        let mark = || Some(shortened(value_text(pair)));
        if has_key(pair, JOB_ID) {
            self.job = self.job.take().or_else(|| Some(value_text(pair).into()));
        } else if has_key(pair, JOB_KIND) {
            self.marks.job_kind = self.marks.job_kind.take().or_else(mark);
        } else if has_key(pair, VERDICT) {
            self.marks.verdict = self.marks.verdict.take().or_else(mark);
        } else if has_key(pair, LOST) {
            self.marks.lost = true;
        }
    }
}

fn is_error(status: &[u8]) -> bool {
    let is_code =
        |field| matches!(field, Ok((3, Value::Varint(code))) if code == StatusCode::Error as u64);
    Fields::of(status).any(is_code)
}

/// Whether the attribute, which is canonical, has this key.
pub(super) fn has_key(pair: &[u8], key: &str) -> bool {
    matches!(Fields::of(pair).next(), Some(Ok((1, Value::Bytes(found)))) if found == key.as_bytes())
}

/// The value of an attribute, which is canonical, as text.
pub(super) fn value_text(pair: &[u8]) -> String {
    let value = Fields::of(pair).flatten().find_map(|field| match field {
        (2, Value::Bytes(value)) => Some(value),
        _ => None,
    });
    let Some(value) = value else { return String::new() };
    // Most are a text, which need not be decoded.
    match Fields::of(value).next() {
        Some(Ok((1, Value::Bytes(text)))) => String::from_utf8_lossy(text).into_owned(),
        _ => attribute::text(&AnyValue::decode(value).unwrap_or_default()),
    }
}

/// The attribute in these canonical bytes.
pub(super) fn pair(wire: &[u8]) -> KeyValue {
    KeyValue::decode(wire).unwrap_or_default()
}

fn shortened(mut text: String) -> Box<str> {
    text.truncate(text.floor_char_boundary(MARK_BYTES_MAX));
    text.into()
}
