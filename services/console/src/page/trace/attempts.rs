//! The attempts of a job in one line, each with its verdict.
//!
//! Each attempt is listed once, even if its worker was lost. Then its operation has the verdict `lost` too, and the message
//! may have been redelivered to workers that did not get the lease; neither is an attempt.

use std::collections::HashMap;

use contract::signals::reason;
use contract::verdict::Verdict;
use maud::{Markup, html};

use super::super::palette::{self, verdict_class};
use super::trace_view::{SpanView, TraceView};
use super::tree::{RowItem, WaterfallRow};

/// Attempts shown; the waterfall shows all.
const ATTEMPTS_SHOWN_MAX: usize = 24;

/// The attempts as links to their rows, in the order of the rows: the order of causes, because clocks may differ. Empty
/// without attempts.
pub(super) fn strip(trace: &TraceView, rows: &[WaterfallRow]) -> Markup {
    let services = trace.services();
    let span = |row: &WaterfallRow| match row.item {
        RowItem::Span(index) => Some(&trace.spans[index]),
        RowItem::Line(_) => None,
    };
    let views = rows.iter().filter_map(span).filter(|view| is_attempt(view));
    let attempts = numbered(views.take(ATTEMPTS_SHOWN_MAX).collect());
    html! {
        @if !attempts.is_empty() {
            ol.journey aria-label="Attempts and their verdicts" {
                @for (view, run) in attempts {
                    li {
                        a href=(view.anchor()) {
                            i.swatch.(palette::class(view.service(), &services)) {}
                            (view.service())
                            @if let Some(round) = round(view) { span.attempt title="Round" { "r" (round) } }
                            (numbered_outcome(view, run))
                        }
                    }
                }
            }
        }
    }
}

/// Whether the span is an attempt of a stage.
fn is_attempt(view: &SpanView) -> bool {
    let has_no_lease = view.attempt.is_none()
        && view.verdict.as_deref() == Some(Verdict::Retry.name())
        && view.reason.as_deref() == Some(reason::OWNED_ELSEWHERE);
    view.verdict.is_some() && !view.is_operation && !has_no_lease
}

/// Each attempt with its run, from 1: an interruption spends no attempt, so the next run has the same attempt number.
fn numbered(attempts: Vec<&SpanView>) -> Vec<(&SpanView, usize)> {
    let mut runs: HashMap<_, usize> = HashMap::new();
    let number = |view: &SpanView| {
        let attempt = view.attempt.clone()?;
        let run = runs.entry((view.service().to_owned(), round(view), attempt)).or_default();
        *run += 1;
        Some(*run)
    };
    let numbers: Vec<_> = attempts.iter().copied().map(number).collect();
    attempts.into_iter().zip(numbers.into_iter().map(Option::unwrap_or_default)).collect()
}

fn round(view: &SpanView) -> Option<String> {
    view.round.clone().filter(|round| round != "0")
}

/// The outcome of a span: attempt, verdict, injected fault; for a span without verdict its error.
pub(super) fn outcome(view: &SpanView) -> Markup {
    numbered_outcome(view, 1)
}

fn numbered_outcome(view: &SpanView, run: usize) -> Markup {
    html! {
        @if let Some(attempt) = &view.attempt {
            span.attempt title="Attempt" { "#" (attempt) @if run > 1 { " · run " (run) } }
        }
        @match &view.verdict {
            Some(verdict) => span.pill.(verdict_class(verdict)) { (verdict) },
            None => @if view.failed { span.pill.bad { "error" } },
        }
        @if let Some(fault) = &view.fault { span.pill.fault { "fault " (fault) } }
    }
}
