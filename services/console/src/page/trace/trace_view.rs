//! A trace as it is drawn: the fields that rows need, read from the spans once.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use contract::signals::attr;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::super::format::shortened;
use super::super::palette;
use crate::store::{
    Encoded, LogFilter, LogLine, ResourceScope, SpanId, Store, TraceId, attribute, decode_span,
    timestamps,
};

/// Spans drawn; the JSON has all of them.
pub(super) const SPANS_SHOWN_MAX: usize = 1_000;

/// Log lines drawn.
pub(super) const LINES_SHOWN_MAX: usize = 300;

/// Events and links shown of one span.
pub(super) const ENTRIES_SHOWN_MAX: usize = 50;

/// Bytes shown of a span's name, and of other texts in its row.
const NAME_SHOWN_MAX: usize = 256;
const TEXT_SHOWN_MAX: usize = 128;

/// Bytes of attributes, events and links on one page.
const DETAIL_BYTES_MAX: usize = 3 * 1024 * 1024;

/// A trace with its log lines.
#[derive(Debug)]
pub(super) struct TraceView {
    pub(super) id: TraceId,
    /// The spans that are drawn, earliest start first.
    pub(super) spans: Vec<SpanView>,
    pub(super) span_count: usize,
    /// Number of spans with status error, including those that are not drawn.
    pub(super) failed: usize,
    /// The log lines that are drawn, oldest first.
    pub(super) lines: Vec<LogLine>,
    /// Earliest plausible span start, Unix nanoseconds; 0 if no span has one.
    pub(super) start: u64,
    /// Latest plausible span end, Unix nanoseconds; 0 if no span has one.
    pub(super) end: u64,
    /// Bytes of details that still fit on the page.
    room: Cell<usize>,
}

/// A span with the fields of its row. The rest stays encoded until it is drawn.
#[derive(Debug)]
pub(super) struct SpanView {
    pub(super) id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) failed: bool,
    pub(super) name: String,
    /// Start and end, if plausible.
    pub(super) start: Option<u64>,
    pub(super) end: Option<u64>,
    pub(super) attempt: Option<String>,
    pub(super) verdict: Option<String>,
    pub(super) fault: Option<String>,
    /// Another process exported the span for a process that was lost.
    pub(super) lost: bool,
    pub(super) job_id: Option<String>,
    pub(super) job_kind: Option<String>,
    pub(super) round: Option<String>,
    /// Reason of the verdict.
    pub(super) reason: Option<String>,
    pub(super) is_operation: bool,
    /// Timestamps of its first events.
    pub(super) events: Vec<u64>,
    pub(super) links: usize,
    pub(super) scope: Arc<ResourceScope>,
    wire: Encoded,
}

impl TraceView {
    /// The trace; `None` if none of its spans is in the store.
    pub(super) fn of(store: &Store, id: TraceId) -> Option<Self> {
        let first = store.first_spans(id, SPANS_SHOWN_MAX)?;
        let (start, end) = first.extent.unwrap_or_default();
        let of_trace =
            LogFilter { trace: Some(id), limit: LINES_SHOWN_MAX, ..LogFilter::default() };
        let mut lines = store.logs(of_trace).lines;
        lines.sort_by_key(|line| line.time);
        Some(Self {
            id,
            spans: first.spans.into_iter().filter_map(SpanView::of).collect(),
            span_count: first.count,
            failed: first.failed,
            lines,
            start,
            end,
            room: Cell::new(DETAIL_BYTES_MAX),
        })
    }

    /// Reserves room on the page for a detail of this length; false if it does not fit.
    pub(super) fn reserve_room(&self, bytes: usize) -> bool {
        let left = self.room.get().checked_sub(bytes);
        self.room.set(left.unwrap_or_default());
        left.is_some()
    }

    /// The span without a parent; without one, the earliest span.
    pub(super) fn root(&self) -> &SpanView {
        let root = self.spans.iter().find(|view| view.parent.is_none());
        root.unwrap_or(&self.spans[0])
    }

    /// The services, the lab's own first.
    pub(super) fn services(&self) -> Vec<&str> {
        let mut services = Vec::new();
        for view in &self.spans {
            if !services.contains(&view.service()) {
                services.push(view.service());
            }
        }
        palette::sort(&mut services);
        services
    }

    pub(super) fn by_id(&self) -> HashMap<SpanId, &SpanView> {
        self.spans.iter().map(|view| (view.id, view)).collect()
    }

    /// The job id and the job's kind.
    pub(super) fn job(&self) -> (Option<&str>, Option<&str>) {
        let first = |part: fn(&SpanView) -> Option<&str>| self.spans.iter().find_map(part);
        (first(|view| view.job_id.as_deref()), first(|view| view.job_kind.as_deref()))
    }

    /// Position of a timestamp between start and end, 0 to 100 per cent.
    pub(super) fn position(&self, unix_nanos: u64) -> f64 {
        let length = (self.end - self.start).max(1) as f64;
        let at = unix_nanos.clamp(self.start, self.end) - self.start;
        at as f64 / length * 100.0
    }
}

impl SpanView {
    fn of((scope, wire): (Arc<ResourceScope>, Encoded)) -> Option<Self> {
        let span = decode_span(&wire.bytes());
        let text = |key| {
            let found = attribute::find(&span.attributes, key).map(attribute::text);
            found.map(|text| shortened(&text, TEXT_SHOWN_MAX).into_owned())
        };
        let failed =
            span.status.as_ref().is_some_and(|status| status.code == StatusCode::Error as i32);
        let events = span.events.iter().take(ENTRIES_SHOWN_MAX);
        Some(Self {
            id: SpanId::from_wire(&span.span_id)?,
            parent: SpanId::from_wire(&span.parent_span_id),
            failed,
            start: timestamps::plausible(span.start_time_unix_nano),
            end: timestamps::plausible(span.end_time_unix_nano),
            attempt: text(attr::JOB_ATTEMPT),
            verdict: text(attr::VERDICT),
            fault: text(attr::FAULT),
            lost: text(attr::LOST).as_deref() == Some("true"),
            job_id: text(attr::JOB_ID),
            job_kind: text(attr::JOB_KIND),
            round: text(attr::JOB_ROUND),
            reason: text(attr::REASON),
            is_operation: text(attr::OPERATION_KIND).is_some(),
            events: events.map(|event| event.time_unix_nano).collect(),
            links: span.links.len(),
            name: shortened(&span.name, NAME_SHOWN_MAX).into_owned(),
            scope,
            wire,
        })
    }

    /// Link to its row on the page.
    pub(super) fn anchor(&self) -> String {
        format!("#s-{}", self.id)
    }

    /// The whole span.
    pub(super) fn span(&self) -> Span {
        decode_span(&self.wire.bytes())
    }

    /// The service that recorded the span.
    pub(super) fn service(&self) -> &str {
        &self.scope.service
    }

    /// Duration in nanoseconds; `None` if it ends before it starts, or a timestamp is implausible.
    pub(super) fn duration(&self) -> Option<u64> {
        self.end?.checked_sub(self.start?)
    }
}
