//! One trace: the way of a job at a glance, then every span and log line on a common scale.

mod detail;
mod journey;
mod standing;
mod tree;
mod view;
mod waterfall;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::{Markup, html};

use self::view::{SPANS_SHOWN_MAX, TraceView};
use super::format::{count, duration, moment};
use super::frame::{self, live, outside};
use super::palette;
use crate::gateway::Job;
use crate::grafana::GrafanaUrl;
use crate::state::ConsoleState;
use crate::store::TraceId;

/// `GET /traces/{trace_id}`. A trace that is not here yet has a page too, which fills when it arrives.
pub(super) async fn page(State(state): State<ConsoleState>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<TraceId>() else {
        let body = html! {
            h1 { "Invalid trace id" }
            p { "A trace id has 32 hexadecimal digits. See " a href="/" { "the recent traces" } "." }
        };
        return (StatusCode::BAD_REQUEST, frame::page("Invalid trace id", &body)).into_response();
    };
    let (trace, job) = read(&state, id).await;
    state.render(move |state| whole(state, id, trace.as_ref(), job.as_ref())).await
}

/// The trace, and its job as the gateway knows it now.
async fn read(state: &ConsoleState, id: TraceId) -> (Option<TraceView>, Option<Job>) {
    let trace = state.clone().render(move |state| TraceView::of(&state.store, id)).await;
    let job_id = trace.as_ref().and_then(|trace| trace.job().0.map(str::to_owned));
    let job = standing::job_of(state, job_id).await;
    (trace, job)
}

fn whole(
    state: &ConsoleState,
    id: TraceId,
    trace: Option<&TraceView>,
    job: Option<&Job>,
) -> Response {
    let status = if trace.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let title = match trace {
        Some(trace) => match job {
            Some(job) if !job.name.is_empty() => job.name.clone(),
            _ => trace.root().name.clone(),
        },
        None => "Trace not found".to_owned(),
    };
    let body = live(&format!("/parts/traces/{id}"), &content(state, id, trace, job));
    (status, frame::page(&title, &body)).into_response()
}

/// `GET /parts/traces/{trace_id}`: what of it changes.
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
                p { "It may be stored in Tempo: " (outside(&grafana.trace(id, None), "the trace in Tempo")) }
            }
        };
    };
    let rows = tree::rows(trace);
    html! {
        (head(trace, job, grafana))
        (journey::journey(trace, &rows))
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
        @if let Some(state) = state { (standing::line(state)) }
        dl.facts {
            div { dt { "Took" } dd { (duration(trace.end - trace.start)) } }
            div { dt { "Started" } dd {
                @if trace.start > 0 { (moment(trace.start)) } @else { "unknown" }
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
            (outside(&grafana.job(id, job, between), "One job"))
            (outside(&grafana.trace(id, between), "Trace in Tempo"))
            (outside(&grafana.logs(id, between), "Log lines in Loki"))
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
