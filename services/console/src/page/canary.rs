//! The canary on the first page: its checks, and what is missing.

use axum::extract::State;
use axum::response::Html;
use contract::signals::canary;
use maud::{Markup, html};

use super::{frame, links};
use crate::canary::{Check, Outcome, Report};
use crate::state::ConsoleState;

/// The panel, which refreshes itself; empty if the canary is off.
pub(super) fn panel(state: &ConsoleState) -> Markup {
    let is_on = state.canary.every().is_some();
    html! { @if is_on { (frame::live("/parts/canary", &content(state))) } }
}

/// `GET /parts/canary`: only the panel.
pub(super) async fn part(State(state): State<ConsoleState>) -> Html<String> {
    Html(content(&state).into_string())
}

fn content(state: &ConsoleState) -> Markup {
    let every = state.canary.every().unwrap_or_default().as_secs();
    html! {
        @if let Some(report) = state.canary.latest() {
            (result(&report, every))
        } @else {
            section.canary.waits aria-label="Canary" {
                b { "Canary" } span.muted { "waiting for the first result; one job every " (every) " s" }
            }
        }
    }
}

fn result(report: &Report, every: u64) -> Markup {
    let failed: Vec<_> = report.failed().collect();
    let ago = report.done.elapsed().as_secs();
    html! {
        section.canary.failed[!failed.is_empty()] aria-label="Canary" {
            b { "Canary" }
            span.muted title=(format!("a small job every {every} s, checked in every signal")) {
                (ago) " s ago"
            }
            ul { @for check in &report.checks { li { (check_result(check, report)) } } }
            @for (check, missing) in &failed {
                p.missing role="status" { b { (subject(check)) } ": " (missing) }
            }
        }
    }
}

fn check_result(check: &Check, report: &Report) -> Markup {
    let name = html! {
        @if let Some(href) = href(check.check, report) { a href=(href) { (check.check) } }
        @else { (check.check) }
    };
    match &check.outcome {
        Outcome::Passed { seconds, how } => {
            html! { (name) " " span title=[how.as_deref()] { (shown(*seconds)) } }
        }
        Outcome::Failed { .. } => html! { (name) " " span.pill.bad { "missing" } },
        Outcome::Skipped { why } => html! { (name) " " span.muted title=(why) { "skipped" } },
    }
}

fn shown(seconds: f64) -> String {
    if seconds < 0.05 { "< 0.1 s".to_owned() } else { format!("{seconds:.1} s") }
}

/// Link to the data of a check; none for the backends, whose addresses a browser may not reach.
fn href(check: &str, report: &Report) -> Option<String> {
    let job = report.job.as_ref()?;
    match check {
        canary::JOB => Some(format!("/jobs/{}", job.id)),
        canary::TRACE => Some(links::trace(job.trace)),
        canary::LOG => Some(format!("/api/logs?trace_id={}", job.trace)),
        canary::EXEMPLAR => Some("/metrics#chart-stage-duration".to_owned()),
        _ => None,
    }
}

/// What a check expects, and where.
fn subject(check: &str) -> &'static str {
    match check {
        canary::JOB => "Its job",
        canary::TRACE => "Its trace in this console",
        canary::LOG => "Its log lines in this console",
        canary::EXEMPLAR => "An exemplar in this console",
        canary::TEMPO => "Its trace in Tempo",
        canary::LOKI => "Its log lines in Loki",
        canary::PROMETHEUS => "An exemplar in Prometheus",
        _ => "A check",
    }
}
