//! The way of the job in one line: every attempt with its verdict, in order.
//!
//! An attempt is one chip, also where its worker went away: then its operation is lost too, and the message was
//! delivered in between to workers that could not take it; neither is an attempt.

use std::collections::HashMap;

use contract::signals::reason;
use contract::verdict::Verdict;
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
    let attempts = rows.iter().filter_map(span).filter(|view| is_attempt(view));
    let judged = numbered(attempts.take(ATTEMPTS_SHOWN_MAX).collect());
    html! {
        @if !judged.is_empty() {
            ol.journey aria-label="Attempts and their verdicts" {
                @for (view, run) in judged {
                    li {
                        a href=(anchor(view)) {
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

/// Whether the span is one attempt of a stage at its message.
fn is_attempt(view: &SpanView) -> bool {
    let is_elsewhere = view.attempt.is_none()
        && view.verdict.as_deref() == Some(Verdict::Retry.name())
        && view.reason.as_deref() == Some(reason::OWNED_ELSEWHERE);
    view.verdict.is_some() && !view.is_operation && !is_elsewhere
}

/// Each attempt with its run, from 1: an interruption spends no attempt, so its number comes again.
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

/// What came of a span: attempt, verdict, injected fault; for a span without verdict its error.
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

/// Where a span's row is on the page.
pub(super) fn anchor(view: &SpanView) -> String {
    format!("#s-{}", view.id)
}
