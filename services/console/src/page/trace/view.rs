//! A trace as it is drawn: what the rows ask for, read from the spans once.

use std::collections::HashMap;
use std::sync::Arc;

use contract::signals::attr;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::super::palette;
use crate::store::{LogFilter, LogLine, Origin, SpanId, Store, TraceId, attribute};

/// Spans drawn; the JSON has all of them.
pub(super) const SPANS_SHOWN_MAX: usize = 1_000;

/// Log lines drawn.
pub(super) const LINES_SHOWN_MAX: usize = 300;

/// A trace with its log lines.
#[derive(Debug)]
pub(super) struct TraceView {
    pub(super) id: TraceId,
    /// The spans that are drawn, earliest start first.
    pub(super) spans: Vec<SpanView>,
    pub(super) span_count: usize,
    /// The log lines that are drawn, oldest first.
    pub(super) lines: Vec<LogLine>,
    /// Earliest start and latest end, nanoseconds since 1970.
    pub(super) start: u64,
    pub(super) end: u64,
}

/// A span with what makes it worth a look.
#[derive(Debug)]
pub(super) struct SpanView {
    pub(super) id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) failed: bool,
    /// Which attempt at the job it is.
    pub(super) attempt: Option<String>,
    pub(super) verdict: Option<String>,
    pub(super) fault: Option<String>,
    /// Somebody else recorded it for a process that went away.
    pub(super) lost: bool,
    pub(super) span: Span,
    pub(super) origin: Arc<Origin>,
}

impl TraceView {
    /// The trace; `None` if none of its spans is here.
    pub(super) fn of(store: &Store, id: TraceId) -> Option<Self> {
        let mut spans: Vec<_> = store.trace(id).into_iter().filter_map(SpanView::of).collect();
        let start = spans.iter().map(|view| view.span.start_time_unix_nano).min()?;
        let end = spans.iter().map(|view| view.span.end_time_unix_nano).max()?;
        spans.sort_by_key(|view| view.span.start_time_unix_nano);
        let span_count = spans.len();
        spans.truncate(SPANS_SHOWN_MAX);
        let of_trace =
            LogFilter { trace: Some(id), limit: LINES_SHOWN_MAX, ..LogFilter::default() };
        let mut lines = store.logs(of_trace);
        lines.sort_by_key(|line| line.time);
        Some(Self { id, spans, span_count, lines, start, end: end.max(start) })
    }

    /// The span without a parent, else the earliest.
    pub(super) fn root(&self) -> &SpanView {
        let root = self.spans.iter().find(|view| view.parent.is_none());
        root.unwrap_or(&self.spans[0])
    }

    /// The services, the lab's first.
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

    /// The spans by id.
    pub(super) fn by_id(&self) -> HashMap<SpanId, &SpanView> {
        self.spans.iter().map(|view| (view.id, view)).collect()
    }

    /// The attribute of the first span that has it, as text.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.spans.iter().find_map(|view| view.text(key))
    }

    /// Where a moment lies between start and end, in per cent; never outside.
    pub(super) fn place(&self, unix_nanos: u64) -> f64 {
        let length = (self.end - self.start).max(1) as f64;
        let at = unix_nanos.clamp(self.start, self.end) - self.start;
        at as f64 / length * 100.0
    }
}

impl SpanView {
    fn of((origin, span): (Arc<Origin>, Span)) -> Option<Self> {
        let text = |key| attribute::find(&span.attributes, key).map(attribute::text);
        let failed =
            span.status.as_ref().is_some_and(|status| status.code == StatusCode::Error as i32);
        Some(Self {
            id: SpanId::from_wire(&span.span_id)?,
            parent: SpanId::from_wire(&span.parent_span_id),
            failed,
            attempt: text(attr::JOB_ATTEMPT),
            verdict: text(attr::VERDICT),
            fault: text(attr::FAULT),
            lost: text(attr::LOST).as_deref() == Some("true"),
            span,
            origin,
        })
    }

    /// Who recorded it.
    pub(super) fn service(&self) -> &str {
        &self.origin.service
    }

    /// An attribute as text.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        attribute::find(&self.span.attributes, key).map(attribute::text)
    }

    /// How long it took, in nanoseconds; `None` if it ends before it starts.
    pub(super) fn duration(&self) -> Option<u64> {
        self.span.end_time_unix_nano.checked_sub(self.span.start_time_unix_nano)
    }

    /// Why it failed, if it says so.
    pub(super) fn message(&self) -> &str {
        self.span.status.as_ref().map(|status| status.message.as_str()).unwrap_or_default()
    }
}
