//! One line of the journal: JSON, padded to a fixed length.

use std::{
    io::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use contract::{propagation::TraceParent, signals::attr};
use opentelemetry::{
    KeyValue, SpanId,
    trace::{SpanKind, Status},
};
use opentelemetry_sdk::trace::SpanData;
use serde::{Deserialize, Serialize};

use crate::{FinishedSpan, context};

/// Bytes of a line, including its end. A span that needs more is not recorded.
pub(super) const LINE_BYTES: usize = 320;
/// Status of a span that was lost.
const LOST: &str = "the process ended before the span was exported";

/// A span at its start.
#[derive(Debug, Serialize, Deserialize)]
struct Entry<'a> {
    name: &'a str,
    kind: Kind,
    trace: u128,
    span: u64,
    parent: u64,
    began_ns: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Client,
    Server,
    Producer,
    Consumer,
    Internal,
}

/// An encoded line.
pub(super) struct Line([u8; LINE_BYTES]);

impl Default for Line {
    fn default() -> Self {
        let mut line = [b' '; LINE_BYTES];
        line[LINE_BYTES - 1] = b'\n';
        Self(line)
    }
}

impl Line {
    /// Encodes the span; false if it does not fit.
    pub(super) fn write(&mut self, span: &SpanData) -> bool {
        let job = span.attributes.iter().find(|one| one.key.as_str() == attr::JOB_ID);
        let job = job.map(|one| one.value.as_str());
        let began = span.start_time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let entry = Entry {
            name: &span.name,
            kind: Kind::of(&span.span_kind),
            trace: u128::from_be_bytes(span.span_context.trace_id().to_bytes()),
            span: u64::from_be_bytes(span.span_context.span_id().to_bytes()),
            parent: u64::from_be_bytes(span.parent_span_id.to_bytes()),
            began_ns: u64::try_from(began.as_nanos()).unwrap_or(u64::MAX),
            job: job.as_deref(),
        };
        serde_json::to_writer((&mut self.0[..LINE_BYTES - 1]).by_ref(), &entry).is_ok()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Decodes a line of an earlier process; `None` if the line is free or incomplete.
pub(super) fn read(line: &[u8]) -> Option<SpanData> {
    let entry: Entry<'_> = serde_json::from_slice(line).ok()?;
    let own = TraceParent { trace_id: entry.trace, span_id: entry.span, sampled: true };
    if !context::span_context(own).is_valid() {
        return None;
    }
    let began = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(entry.began_ns))?;
    let mut span = FinishedSpan::new(entry.name.to_owned(), entry.kind.into(), own)
        .at(began)
        .attribute(KeyValue::new(attr::LOST, true))
        .status(Status::error(LOST));
    if SpanId::from(entry.parent) != SpanId::INVALID {
        span = span.parent(TraceParent { span_id: entry.parent, ..own });
    }
    if let Some(job) = entry.job {
        span = span.attribute(KeyValue::new(attr::JOB_ID, job.to_owned()));
    }
    Some(span.build())
}

impl Kind {
    const fn of(kind: &SpanKind) -> Self {
        match kind {
            SpanKind::Client => Self::Client,
            SpanKind::Server => Self::Server,
            SpanKind::Producer => Self::Producer,
            SpanKind::Consumer => Self::Consumer,
            SpanKind::Internal => Self::Internal,
        }
    }
}

impl From<Kind> for SpanKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Client => Self::Client,
            Kind::Server => Self::Server,
            Kind::Producer => Self::Producer,
            Kind::Consumer => Self::Consumer,
            Kind::Internal => Self::Internal,
        }
    }
}
