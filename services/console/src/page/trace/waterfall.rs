//! The rows: name, outcome, bar, duration. Bars are SVG, whose attributes the page's policy allows.

use std::collections::HashMap;

use contract::verdict::Verdict;
use maud::{Markup, html};

use super::super::format::{duration, shortened};
use super::super::palette;
use super::attempts::outcome;
use super::detail::detail;
use super::trace_view::{SpanView, TraceView};
use super::tree::{RowItem, WaterfallRow};
use crate::store::{LogLine, SpanId, timestamps};

/// Deepest indent; deeper rows are not indented further.
const INDENT_MAX: usize = 12;

/// Narrowest bar, in per cent.
const BAR_MIN: f64 = 0.5;

/// A start before the parent's by less than this is a rounding error, not a clock difference.
const SKEW_MIN_NANOS: u64 = 1_000_000;

/// Bytes of an event's markup.
const EVENT_BYTES: usize = 60;

/// Bytes shown of a sender's severity text.
const SEVERITY_SHOWN_MAX: usize = 32;

/// Bytes shown of a log line.
const LINE_SHOWN_MAX: usize = 2_000;

/// Ticks of the time axis, in per cent.
const TICKS: [u64; 4] = [0, 25, 50, 75];

/// The whole waterfall. `is_open`: the job has not ended, so that more spans may arrive.
pub(super) fn waterfall(trace: &TraceView, rows: &[WaterfallRow], is_open: bool) -> Markup {
    let services = trace.services();
    let by_id = trace.by_id();
    html! {
        div.waterfall {
            div.row.axis aria-hidden="true" {
                span.what { "Span" }
                span.outcome { "Outcome" }
                span.time {
                    @for tick in TICKS { span { (duration((trace.end - trace.start) / 100 * tick)) } }
                    span.end { (duration(trace.end - trace.start)) }
                }
                span.took { "Took" }
            }
            @for row in rows {
                @match row.item {
                    RowItem::Span(index) => (span_row(trace, *row, &trace.spans[index], (&services, &by_id), is_open)),
                    RowItem::Line(index) => (line_row(trace, *row, &trace.lines[index])),
                }
            }
        }
    }
}

fn span_row(
    trace: &TraceView,
    row: WaterfallRow,
    view: &SpanView,
    (services, by_id): (&[&str], &HashMap<SpanId, &SpanView>),
    is_open: bool,
) -> Markup {
    let parent = view.parent.and_then(|parent| by_id.get(&parent).copied());
    let shows_service = parent.is_none_or(|parent| parent.service() != view.service());
    let lost = view.lost || view.verdict.as_deref() == Some(Verdict::Lost.name());
    html! {
        details.row.span.(palette::class(view.service(), services)).failed[view.failed].lost[lost]
            id=(format!("s-{}", view.id)) {
            summary {
                span.what.(indent(row.depth)) {
                    i.swatch {}
                    span.name title=(view.name) { (view.name) }
                    @if shows_service { span.service { (view.service()) } }
                    (marks(row, view, parent, is_open))
                }
                span.outcome { (outcome(view)) }
                span.time { (bar(trace, view)) }
                span.took { (view.duration().map_or_else(|| "–".to_owned(), duration)) }
            }
            (detail(trace, view, parent))
        }
    }
}

/// Labels for what is unusual about a span.
fn marks(row: WaterfallRow, view: &SpanView, parent: Option<&SpanView>, is_open: bool) -> Markup {
    let start = |view: &SpanView| view.start.unwrap_or_default();
    let skew = parent.filter(|parent| view.start.is_some() && parent.start.is_some());
    let early = skew.map_or(0, |parent| start(parent).saturating_sub(start(view)));
    let no_time = view.start.is_none() || view.end.is_none();
    html! {
        @if row.orphan && is_open {
            span.pill.busy title="Spans are exported when they end: the parent span has not ended" { "parent still open" }
        } @else if row.orphan {
            span.pill.orphan title="Its parent span is not in this console" { "orphan" }
        }
        @if early >= SKEW_MIN_NANOS {
            span.pill.skew title="It starts before its parent: the clocks differ" {
                "clock −" (duration(early))
            }
        }
        @if no_time {
            span.pill.skew title="It has no start or end time: its bar has no meaning" {
                "no time"
            }
        } @else if view.duration().is_none() {
            span.pill.skew title="It ends before it starts" { "ends early" }
        }
        @if view.links > 0 {
            span.links title="Links" { "⤷ " (view.links) }
        }
    }
}

fn bar(trace: &TraceView, view: &SpanView) -> Markup {
    let from = trace.position(view.start.or(view.end).unwrap_or_default());
    let to = trace.position(view.end.or(view.start).unwrap_or_default());
    let width = (to - from).max(BAR_MIN);
    let from = from.min(100.0 - width);
    html! {
        svg.bar aria-hidden="true" {
            rect x=(percent(from)) width=(percent(width)) y="4" height="10" rx="2" {}
            @for event in view.events.iter().take_while(|_| trace.reserve_room(EVENT_BYTES)) {
                circle.event cx=(percent(trace.position(*event))) cy="9" r="2.5" {}
            }
        }
    }
}

fn line_row(trace: &TraceView, row: WaterfallRow, line: &LogLine) -> Markup {
    let headline = shortened(line.headline(), LINE_SHOWN_MAX);
    let after = timestamps::plausible(line.time).map(|at| duration(at.saturating_sub(trace.start)));
    html! {
        div.row.line.(line.severity) {
            span.what.(indent(row.depth)) {
                span.severity { (line.severity) }
                @if let Some(custom) = line.custom_severity() {
                    span.muted title="Severity text of the sender" { (shortened(custom, SEVERITY_SHOWN_MAX)) }
                }
                @if !line.event_name.is_empty() && !line.body.is_empty() {
                    span.muted title="Event" { (shortened(&line.event_name, LINE_SHOWN_MAX)) }
                }
                span.body title=(headline) { (headline) }
            }
            span.time {
                svg.bar aria-hidden="true" {
                    circle cx=(percent(trace.position(line.time))) cy="9" r="3" {}
                }
            }
            span.took { @if let Some(after) = after { "+" (after) } @else { "–" } }
        }
    }
}

fn indent(depth: usize) -> String {
    format!("depth-{}", depth.min(INDENT_MAX))
}

fn percent(value: f64) -> String {
    format!("{value:.2}%")
}
