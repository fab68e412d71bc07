//! The way of the job in one line: every attempt with its verdict, in order.

use maud::{Markup, html};

use super::super::palette::{self, verdict_class};
use super::tree::{Item, Row};
use super::view::{SpanView, TraceView};

/// Attempts shown; a trace with more is better read below.
const ATTEMPTS_SHOWN_MAX: usize = 24;

/// The attempts as links to their rows, in the order of the rows: who caused whom says more than clocks that
/// may disagree. Nothing for a trace that has none.
pub(super) fn journey(trace: &TraceView, rows: &[Row]) -> Markup {
    let services = trace.services();
    let span = |row: &Row| match row.item {
        Item::Span(index) => Some(&trace.spans[index]),
        Item::Line(_) => None,
    };
    let judged: Vec<_> = rows
        .iter()
        .filter_map(span)
        .filter(|view| view.verdict.is_some())
        .take(ATTEMPTS_SHOWN_MAX)
        .collect();
    html! {
        @if !judged.is_empty() {
            ol.journey aria-label="Attempts and their verdicts" {
                @for view in judged {
                    li {
                        a href=(anchor(view)) {
                            i.swatch.(palette::class(view.service(), &services)) {}
                            (view.service())
                            (outcome(view))
                        }
                    }
                }
            }
        }
    }
}

/// What came of a span: attempt, verdict, injected fault; for a span without verdict its error.
pub(super) fn outcome(view: &SpanView) -> Markup {
    html! {
        @if let Some(attempt) = &view.attempt { span.attempt title="Attempt" { "#" (attempt) } }
        @match &view.verdict {
            Some(verdict) => span.pill.(verdict_class(verdict)) { (verdict) },
            None => @if view.failed { span.pill.bad { "error" } },
        }
        @if let Some(fault) = &view.fault { span.pill.fault { "fault " (fault) } }
    }
}

/// Where a span's row is on the page.
pub(super) fn anchor(view: &SpanView) -> String {
    format!("#s-{}", view.id)
}
