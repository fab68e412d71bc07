//! One trace: the attempts of its job in one line, then every span and log line on a common time axis.

mod attempts;
mod detail;
mod job_state;
mod trace_view;
mod tree;
mod waterfall;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::{Markup, html};

use self::trace_view::{SPANS_SHOWN_MAX, TraceView};
use super::format::{count, duration, timestamp};
use super::frame::{WebPage, external_link, live};
use super::palette;
use crate::gateway::Job;
use crate::grafana::GrafanaUrl;
use crate::state::ConsoleState;
use crate::store::TraceId;

/// `GET /traces/{trace_id}`. The page of a trace that has not arrived yet shows it when it arrives.
pub(super) async fn page(State(state): State<ConsoleState>, Path(id): Path<String>) -> WebPage {
    let Ok(id) = id.parse::<TraceId>() else {
        let body = html! {
            h1 { "Invalid trace id" }
            p { "A trace id has 32 hexadecimal digits. See " a href="/" { "the recent traces" } "." }
        };
        return WebPage::titled(StatusCode::BAD_REQUEST, "Invalid trace id", body);
    };
    let (trace, job) = read(&state, id).await;
    state.render(move |state| full_page(state, id, trace.as_ref(), job.as_ref())).await
}

/// The trace, and the current state of its job from the gateway.
async fn read(state: &ConsoleState, id: TraceId) -> (Option<TraceView>, Option<Job>) {
    let trace = state.clone().render(move |state| TraceView::of(&state.store, id)).await;
    let job_id = trace.as_ref().and_then(|trace| trace.job().0.map(str::to_owned));
    let job = job_state::job_of(state, job_id).await;
    (trace, job)
}

fn full_page(
    state: &ConsoleState,
    id: TraceId,
    trace: Option<&TraceView>,
    job: Option<&Job>,
) -> WebPage {
    let status = if trace.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let title = match trace {
        Some(trace) => match job {
            Some(job) if !job.name.is_empty() => job.name.clone(),
            _ => trace.root().name.clone(),
        },
        None => "Trace not found".to_owned(),
    };
    let body = live(&format!("/parts/traces/{id}"), &content(state, id, trace, job));
    WebPage::titled(status, title, body)
}

/// `GET /parts/traces/{trace_id}`: only the part that refreshes itself.
pub(super) async fn part(State(state): State<ConsoleState>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<TraceId>() else { return StatusCode::BAD_REQUEST.into_response() };
    let (trace, job) = read(&state, id).await;
    let part = move |state: &ConsoleState| {
        Html(content(state, id, trace.as_ref(), job.as_ref()).into_string()).into_response()
    };
    state.render(part).await
}

fn content(
    state: &ConsoleState,
    id: TraceId,
    trace: Option<&TraceView>,
    job: Option<&Job>,
) -> Markup {
    let grafana = state.grafana.as_ref();
    let Some(trace) = trace else {
        return html! {
            h1 { "Trace not found" }
            p.mono { (id) }
            p { "The console has no span of this trace: none has arrived yet, or they were evicted." }
            @if let Some(grafana) = grafana {
                p { "It may be stored in Tempo: " (external_link(&grafana.trace(id, None), "the trace in Tempo")) }
            }
        };
    };
    let rows = tree::rows(trace);
    html! {
        (head(trace, job, grafana))
        (attempts::strip(trace, &rows))
        (legend(trace))
        (waterfall::waterfall(trace, &rows, job.is_some_and(|job| !job.has_ended())))
        @if trace.span_count > SPANS_SHOWN_MAX {
            p.note {
                "Showing the first " (count(SPANS_SHOWN_MAX as u64)) " of "
                (count(trace.span_count as u64)) " spans; the JSON has all of them."
            }
        }
    }
}

fn head(trace: &TraceView, state: Option<&Job>, grafana: Option<&GrafanaUrl>) -> Markup {
    let failed = trace.failed;
    let (job, kind) = trace.job();
    html! {
        h1 {
            bdi { (trace.root().name) }
            @if let Some(kind) = kind { " " span.muted { (kind) } }
        }
        @if let Some(state) = state { (job_state::line(state)) }
        dl.facts {
            div { dt { "Took" } dd { (duration(trace.end - trace.start)) } }
            div { dt { "Started" } dd {
                @if trace.start > 0 { (timestamp(trace.start)) } @else { "unknown" }
            } }
            div { dt { "Spans" } dd { (count(trace.span_count as u64)) } }
            div { dt { "Errors" } dd.bad[failed > 0] { (failed) } }
            div { dt { "Log lines" } dd { (trace.lines.len()) } }
            @if let Some(job) = job { div { dt { "Job" } dd.mono { (job) } } }
            div { dt { "Trace" } dd.mono {
                (trace.id) " " a href=(format!("/api/traces/{}", trace.id)) { "JSON" }
            } }
            @if let Some(grafana) = grafana { (in_grafana(trace, job, grafana)) }
        }
    }
}

/// The same job in Grafana: its dashboard, its trace in Tempo, its lines in Loki.
fn in_grafana(trace: &TraceView, job: Option<&str>, grafana: &GrafanaUrl) -> Markup {
    let (id, between) = (trace.id, Some((trace.start, trace.end)));
    html! {
        div { dt { "Open in Grafana" } dd.elsewhere {
            (external_link(&grafana.job(id, job, between), "One job"))
            (external_link(&grafana.trace(id, between), "Trace in Tempo"))
            (external_link(&grafana.logs(id, between), "Log lines in Loki"))
        } }
    }
}

fn legend(trace: &TraceView) -> Markup {
    let services = trace.services();
    html! {
        ul.legend aria-label="Services" {
            @for service in &services {
                li { i.swatch.(palette::class(service, &services)) {} (service) }
            }
        }
    }
}
