//! One log line as it is kept: what searching asks for, and the bytes it came in.

use std::sync::Arc;

use contract::signals::attr::JOB_ID;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::attribute;
use super::ids::{SpanId, TraceId};
use super::origin::Origin;
use super::protobuf::{Fields, Malformed, Value};
use super::schema;
use super::span::{has_key, value_text};

/// Memory of a kept line beyond its bytes: this struct and its entry in the index.
const LINE_OVERHEAD: usize = 128;

/// Attributes that name a job: the one of spans, and the field of plain log lines.
const JOB_KEYS: [&str; 2] = [JOB_ID, "job_id"];

/// Names of the severity ranges, four numbers each.
const SEVERITIES: [&str; 6] = ["trace", "debug", "info", "warn", "error", "fatal"];

/// A log line in the store.
#[derive(Debug, Clone)]
pub(crate) struct StoredLine {
    /// When it was written, else when it was first seen; nanoseconds since 1970.
    pub(crate) time: u64,
    /// 1–24; 0 if the sender gave none.
    pub(crate) severity: u8,
    pub(crate) trace: Option<TraceId>,
    pub(crate) span: Option<SpanId>,
    pub(crate) origin: Arc<Origin>,
    wire: Arc<[u8]>,
}

/// A log line as the API and the pages show it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LogLine {
    pub(crate) time_unix_ms: u64,
    #[serde(skip)]
    pub(crate) time: u64,
    pub(crate) service: String,
    /// `trace`, `debug`, `info`, `warn`, `error`, `fatal`; `unspecified` if the sender gave none.
    pub(crate) severity: &'static str,
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
    /// Reads what the store needs and checks the rest. A line without a trace, or with a malformed trace id,
    /// is still a line.
    pub(crate) fn read(wire: &[u8], origin: &Arc<Origin>) -> Result<Self, Malformed> {
        let mut line = Self {
            time: 0,
            severity: 0,
            trace: None,
            span: None,
            origin: Arc::clone(origin),
            wire: wire.into(),
        };
        let mut observed = 0;
        for field in Fields::of(wire) {
            let (number, value) = field?;
            schema::LOG_RECORD.check(number, value)?;
            match (number, value) {
                (1, Value::Fixed64(nanos)) => line.time = nanos,
                (2, Value::Varint(severity)) => line.severity = severity.min(24) as u8,
                (9, Value::Bytes(id)) => line.trace = TraceId::from_wire(id),
                (10, Value::Bytes(id)) => line.span = SpanId::from_wire(id),
                (11, Value::Fixed64(nanos)) => observed = nanos,
                _ => {}
            }
        }
        if line.time == 0 {
            line.time = observed;
        }
        Ok(line)
    }

    /// Memory it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        self.wire.len() + LINE_OVERHEAD
    }

    /// Whether the body has this text in it.
    pub(crate) fn says(&self, text: &str) -> bool {
        let body = self.fields().find_map(|field| match field {
            (5, Value::Bytes(body)) => AnyValue::decode(body).ok(),
            _ => None,
        });
        body.is_some_and(|body| attribute::text(&body).contains(text))
    }

    /// Whether the line names this job.
    pub(crate) fn names_job(&self, job: &str) -> bool {
        self.fields().any(|field| match field {
            (6, Value::Bytes(pair)) if JOB_KEYS.iter().any(|key| has_key(pair, key)) => {
                value_text(pair) == job
            }
            _ => false,
        })
    }

    /// The line as people read it.
    pub(crate) fn decode(&self) -> LogLine {
        let record = LogRecord::decode(&*self.wire).expect("the schema let only readable lines in");
        LogLine {
            time_unix_ms: self.time / 1_000_000,
            time: self.time,
            service: self.origin.service.to_string(),
            severity: severity_name(self.severity),
            body: record.body.as_ref().map(attribute::text).unwrap_or_default(),
            trace_id: self.trace,
            span_id: self.span,
            attributes: attribute::object(&record.attributes),
        }
    }

    fn fields(&self) -> impl Iterator<Item = (u32, Value<'_>)> {
        Fields::of(&self.wire).filter_map(Result::ok)
    }
}

fn severity_name(number: u8) -> &'static str {
    let range = usize::from(number).checked_sub(1).map(|number| number / 4);
    range.and_then(|range| SEVERITIES.get(range)).copied().unwrap_or("unspecified")
}
