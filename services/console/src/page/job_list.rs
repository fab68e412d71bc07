//! The recent jobs, from the gateway.

use axum::extract::{RawQuery, State};
use axum::response::Html;
use contract::api::{WaitReason, WaitView};
use maud::{Markup, html};

use super::format::rfc3339_timestamp;
use super::frame::live;
use super::links;
use crate::gateway::{Gateway, Job, Whose};
use crate::state::ConsoleState;
use crate::store::TraceId;

/// The parameter of the first page, and its value to include the lab's own jobs.
pub(super) const PARAMETER: &str = "jobs";
const ALL: &str = "all";

/// `GET /parts/jobs`: only the list.
pub(super) async fn part(
    State(state): State<ConsoleState>,
    RawQuery(query): RawQuery,
) -> Html<String> {
    Html(list(&state.gateway, whose(query.as_deref())).await.into_string())
}

/// Whose jobs the query requests.
pub(super) fn whose(query: Option<&str>) -> Whose {
    let requests_all = |pair: &str| pair.split_once('=') == Some((PARAMETER, ALL));
    if query.is_some_and(|query| query.split('&').any(requests_all)) {
        Whose::All
    } else {
        Whose::Clients
    }
}

/// The list, which refreshes itself, with a link that includes or hides the lab's own jobs.
pub(super) async fn section(gateway: &Gateway, whose: Whose) -> Markup {
    let path = match whose {
        Whose::Clients => "/parts/jobs".to_owned(),
        Whose::All => format!("/parts/jobs?{PARAMETER}={ALL}"),
    };
    html! {
        p.muted {
            @match whose {
                Whose::Clients => a href=(format!("/?{PARAMETER}={ALL}")) { "Include the lab's own jobs" },
                Whose::All => a href="/" { "Hide the lab's own jobs" },
            }
        }
        (live(&path, &list(gateway, whose).await))
    }
}

/// The list; an error message if the gateway does not respond.
pub(super) async fn list(gateway: &Gateway, whose: Whose) -> Markup {
    match gateway.recent_jobs(whose).await {
        Ok(jobs) if jobs.is_empty() => html! {
            p.empty { "No jobs yet. Submit one: " code { "waybill job submit --preset multiple" } }
        },
        Ok(jobs) => table(&jobs),
        Err(away) => html! {
            p.empty.away role="status" {
                "The gateway at " span.mono { (gateway.base()) } " " (away)
                ". Traces are still received and shown; the jobs are shown again when the gateway responds."
            }
        },
    }
}

fn table(jobs: &[Job]) -> Markup {
    html! {
        table.list {
            thead { tr { th { "State" } th { "Job" } th { "Kind" } th.number { "Accepted" } } }
            tbody {
                @for job in jobs {
                    tr {
                        td {
                            span.pill.(state_class(&job.state)) { (job.state) }
                            @if let Some(attempts @ 2..) = job.attempts {
                                " " span.attempt title="Attempts" { "#" (attempts) }
                            }
                            @if let Some(lease) = job.silent() {
                                " " span.pill.bad title=(lease) { "worker silent" }
                            } @else if let Some(wait) = job.waiting.as_ref().filter(|wait| is_shown(wait)) {
                                " " span.pill.warn title=(wait) { (short(wait)) }
                            }
                        }
                        td.main { (name(job)) }
                        td.muted.kind { (job.kind) }
                        td.number.muted { (rfc3339_timestamp(&job.accepted_at)) }
                    }
                }
            }
        }
    }
}

/// Whether the list shows the reason: waiting for a slot is clear from the state.
fn is_shown(wait: &WaitView) -> bool {
    matches!(wait.reason, WaitReason::NoWorker | WaitReason::RetryDelay)
}

fn short(wait: &WaitView) -> String {
    match (wait.reason, wait.due_in_ms) {
        (WaitReason::NoWorker, _) => "no worker".to_owned(),
        (_, Some(ms)) => format!("in {} s", ms.div_ceil(1_000)),
        _ => "waiting".to_owned(),
    }
}

/// The job's name, with a link to its trace if there is one.
pub(super) fn name(job: &Job) -> Markup {
    let shown = if job.name.is_empty() { &job.id } else { &job.name };
    let path = match job.trace_id.parse::<TraceId>() {
        Ok(trace) => Some(links::trace(trace)),
        Err(_) => links::job(&job.id),
    };
    html! {
        @match path {
            Some(path) => a href=(path) title=(job.id) { (shown) },
            None => (shown),
        }
    }
}

/// The CSS class of a state; `plain` for unknown ones.
pub(super) fn state_class(state: &str) -> &'static str {
    match state {
        "succeeded" => "good",
        "running" => "busy",
        "retrying" => "warn",
        "failed" | "dead" => "bad",
        _ => "plain",
    }
}
