//! Log lines on standard output, one JSON object per line. If the reader stalls, lines are dropped and nothing blocks.

use std::{
    fmt,
    io::{BufWriter, stdout},
    time::SystemTime,
};

use opentelemetry::{
    Context, SpanId, TraceId,
    trace::{SpanContext, TraceContextExt as _},
};
use serde::ser::{Serialize, SerializeMap, Serializer};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::ClockOffset;

/// Maximum number of lines that wait for standard output; further ones are dropped and counted.
const LINES_MAX: usize = 8_192;

/// Write buffer, in bytes. The writer's thread flushes it when no line waits.
const WRITE_BYTES: usize = 64 * 1024;

/// Timestamp format, always with six digits of microseconds, so that lines sort as text.
const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// Names of the built-in fields; an event's field with such a name is written as `field.{name}`.
const OWN_NAMES: [&str; 6] = ["timestamp", "level", "target", "service", "trace_id", "span_id"];

/// A writer that never blocks, and its guard, which flushes it when dropped.
pub(crate) fn writer() -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .buffered_lines_limit(LINES_MAX)
        .lossy(true)
        .thread_name("stdout")
        .finish(BufWriter::with_capacity(WRITE_BYTES, stdout()))
}

/// Writes events as JSON lines with the ids of the current span.
#[derive(Debug)]
pub(crate) struct JsonLines {
    pub(crate) service: String,
    pub(crate) offset: ClockOffset,
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let line = Line {
            event,
            metadata: event.metadata(),
            at: self.offset.stamp(),
            service: &self.service,
            span: current_ids(),
        };
        let json = serde_json::to_string(&line).map_err(|_| fmt::Error)?;
        writeln!(out, "{json}")
    }
}

/// The ids of the current span, sampled or not.
pub(crate) fn current_ids() -> Option<(TraceId, SpanId)> {
    let ids = |span: &SpanContext| span.is_valid().then(|| (span.trace_id(), span.span_id()));
    Context::map_current(|context| ids(context.span().span_context()))
}

struct Line<'a> {
    event: &'a Event<'a>,
    metadata: &'static Metadata<'static>,
    at: SystemTime,
    service: &'a str,
    span: Option<(TraceId, SpanId)>,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        let at = OffsetDateTime::from(self.at).format(STAMP);
        map.serialize_entry("timestamp", &at.unwrap_or_default())?;
        map.serialize_entry("level", self.metadata.level().as_str())?;
        map.serialize_entry("target", self.metadata.target())?;
        map.serialize_entry("service", self.service)?;
        let mut fields = Fields { map: &mut map, result: Ok(()) };
        self.event.record(&mut fields);
        fields.result?;
        if let Some((trace_id, span_id)) = self.span {
            map.serialize_entry("trace_id", &format_args!("{trace_id}"))?;
            map.serialize_entry("span_id", &format_args!("{span_id}"))?;
        }
        map.end()
    }
}

/// Writes an event's fields beside the line's own.
struct Fields<'a, M: SerializeMap> {
    map: &'a mut M,
    result: Result<(), M::Error>,
}

impl<M: SerializeMap> Fields<'_, M> {
    fn put<V: Serialize + ?Sized>(&mut self, field: &Field, value: &V) {
        if self.result.is_err() {
            return;
        }
        self.result = if OWN_NAMES.contains(&field.name()) {
            self.map.serialize_entry(&format!("field.{field}"), value)
        } else {
            self.map.serialize_entry(field.name(), value)
        };
    }
}

impl<M: SerializeMap> Visit for Fields<'_, M> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, &format_args!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, &value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, &value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, &value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, &value);
    }
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, &format_args!("{value}"));
    }
}
