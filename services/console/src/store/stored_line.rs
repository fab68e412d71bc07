//! One log line: the fields that searches need, and its canonical bytes.

use std::mem::size_of;
use std::sync::Arc;

use contract::signals::attr::JOB_ID;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use otlp::wire::{Fields, Value};
use otlp::{canonical_into, descriptor};
use prost::Message;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::attribute;
use super::encoded::Encoded;
use super::ids::{SpanId, TraceId};
use super::rejection::ItemRejection;
use super::resource_scope::ResourceScope;
use super::stored_span::{has_key, value_text};

/// Memory of a line besides its bytes: its entry in a queue that grows by doubling.
const LINE_OVERHEAD: usize = 2 * (size_of::<StoredLine>() + size_of::<usize>());

/// Memory of the index entry of a line that is the only one of its trace: key, queue and its first allocation.
const INDEX_OVERHEAD: usize = 192;

/// Attributes with a job id: the one of spans, and the field of plain log lines.
const JOB_KEYS: [&str; 2] = [JOB_ID, "job_id"];

/// Names of the severity ranges, four numbers each.
const SEVERITIES: [&str; 6] = ["trace", "debug", "info", "warn", "error", "fatal"];

/// The severity of a log line without one.
const UNSPECIFIED: &str = "unspecified";

/// A log line in the store.
#[derive(Debug, Clone)]
pub(crate) struct StoredLine {
    /// When it was written, else when it was observed; nanoseconds since 1970.
    pub(crate) time: u64,
    /// 1–24; 0 if the sender gave none.
    pub(crate) severity: u8,
    pub(crate) trace: Option<TraceId>,
    pub(crate) span: Option<SpanId>,
    pub(crate) scope: Arc<ResourceScope>,
    wire: Encoded,
}

/// A decoded log line, in the JSON form of the API.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LogLine {
    pub(crate) time_unix_ms: u64,
    #[serde(skip)]
    pub(crate) time: u64,
    pub(crate) service: String,
    /// `trace`, `debug`, `info`, `warn`, `error`, `fatal`; `unspecified` if the sender gave none.
    pub(crate) severity: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) severity_text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) event_name: String,
    pub(crate) body: String,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) attributes: Map<String, Json>,
}

/// The least severity number of a range, by name.
pub(crate) fn least_severity(name: &str) -> Option<u8> {
    let range = SEVERITIES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
    u8::try_from(range * 4 + 1).ok()
}

impl StoredLine {
    /// Reads a log record. One without a trace, or with a malformed trace id, is accepted. `buffer` is overwritten.
    pub(crate) fn read(
        wire: &[u8],
        scope: &Arc<ResourceScope>,
        buffer: &mut Vec<u8>,
    ) -> Result<Self, ItemRejection> {
        canonical_into(&descriptor::LOG_RECORD, wire, buffer).map_err(ItemRejection::Item)?;
        let mut line = Self {
            time: 0,
            severity: 0,
            trace: None,
            span: None,
            scope: Arc::clone(scope),
            wire: Encoded::of(buffer),
        };
        let (mut observed, mut text) = (0, "");
        for field in Fields::of(buffer).flatten() {
            match field {
                (1, Value::Fixed64(nanos)) => line.time = nanos,
                (2, Value::Varint(severity)) => line.severity = severity.min(24) as u8,
                (3, Value::Bytes(name)) => text = std::str::from_utf8(name).unwrap_or_default(),
                (9, Value::Bytes(id)) => line.trace = TraceId::from_wire(id),
                (10, Value::Bytes(id)) => line.span = SpanId::from_wire(id),
                (11, Value::Fixed64(nanos)) => observed = nanos,
                _ => {}
            }
        }
        if line.time == 0 {
            line.time = observed;
        }
        if line.severity == 0 {
            line.severity = severity_of(text);
        }
        Ok(line)
    }

    /// Approximate memory.
    pub(crate) fn bytes(&self) -> usize {
        self.wire.memory() + LINE_OVERHEAD + self.trace.map_or(0, |_| INDEX_OVERHEAD)
    }

    /// Encoded length in bytes.
    pub(crate) fn length(&self) -> usize {
        self.wire.length()
    }

    /// Whether the body or the event name contains this string.
    pub(crate) fn contains(&self, text: &str) -> bool {
        Fields::of(&self.wire.bytes()).flatten().any(|field| match field {
            (5, Value::Bytes(body)) => {
                AnyValue::decode(body).is_ok_and(|body| attribute::text(&body).contains(text))
            }
            (12, Value::Bytes(name)) => {
                std::str::from_utf8(name).is_ok_and(|name| name.contains(text))
            }
            _ => false,
        })
    }

    /// Whether the line has this job id.
    pub(crate) fn has_job(&self, job: &str) -> bool {
        Fields::of(&self.wire.bytes()).flatten().any(|field| match field {
            (6, Value::Bytes(pair)) if JOB_KEYS.iter().any(|key| has_key(pair, key)) => {
                value_text(pair) == job
            }
            _ => false,
        })
    }

    /// The line as people read it.
    pub(crate) fn decode(&self) -> LogLine {
        let record = LogRecord::decode(&*self.wire.bytes())
            .expect("the decoder lets only readable lines in");
        LogLine {
            time_unix_ms: self.time / 1_000_000,
            time: self.time,
            service: self.scope.service.to_string(),
            severity: severity_name(self.severity),
            severity_text: record.severity_text,
            event_name: record.event_name,
            body: record.body.as_ref().map(attribute::text).unwrap_or_default(),
            trace_id: self.trace,
            span_id: self.span,
            attributes: attribute::object(&record.attributes),
        }
    }
}

impl LogLine {
    /// The body; without one, the event name.
    pub(crate) fn headline(&self) -> &str {
        if self.body.is_empty() { &self.event_name } else { &self.body }
    }

    /// The sender's severity text, if it differs from the name of the range.
    pub(crate) fn custom_severity(&self) -> Option<&str> {
        let text = self.severity_text.as_str();
        (!text.is_empty() && !text.eq_ignore_ascii_case(self.severity)).then_some(text)
    }
}

fn severity_name(number: u8) -> &'static str {
    let range = usize::from(number).checked_sub(1).map(|number| number / 4);
    range.and_then(|range| SEVERITIES.get(range)).copied().unwrap_or(UNSPECIFIED)
}

/// The severity number of a severity text: the range that it starts with (`Information`, `WARNING`), or a common name of loggers.
fn severity_of(text: &str) -> u8 {
    let text = text.trim().to_ascii_lowercase();
    let known = SEVERITIES.into_iter().find(|name| text.starts_with(name));
    let name = known.or(match &*text {
        "verbose" | "finest" => Some("trace"),
        "fine" | "finer" => Some("debug"),
        "notice" => Some("info"),
        "err" | "severe" => Some("error"),
        "crit" | "critical" | "alert" | "emerg" | "emergency" | "panic" => Some("fatal"),
        _ => None,
    });
    name.and_then(least_severity).unwrap_or_default()
}
