//! The first page: recent jobs from the gateway, recent traces from the store.

use axum::extract::{RawQuery as QueryText, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::frame::{self, live, outside};
use super::{canary, job_list, trace_list, workers};
use crate::api::query::RawQuery;
use crate::start::Shared;
use crate::store::TraceFilter;

/// `GET /`: the traces narrowed by the same parameters as `/api/traces`.
pub(super) async fn page(
    State(shared): State<Shared>,
    QueryText(text): QueryText,
    query: RawQuery,
) -> Response {
    let filter = match trace_list::filter(query) {
        Ok(filter) => filter,
        Err(bad) => {
            let body = html! {
                h1 { "The search is invalid" }
                p { (bad) }
                p { a href="/" { "Clear the search" } }
            };
            return (StatusCode::BAD_REQUEST, frame::page("Bad search", &body)).into_response();
        }
    };
    let whose = job_list::whose(text.as_deref());
    let (workers, jobs) =
        tokio::join!(workers::panel(&shared.gateway), job_list::section(&shared.gateway, whose));
    shared.make(move |shared| whole(shared, &filter, text, &workers, &jobs)).await
}

fn whole(
    shared: &Shared,
    filter: &TraceFilter,
    query: Option<String>,
    workers: &Markup,
    jobs: &Markup,
) -> Response {
    let path = format!("/parts/traces?{}", query.unwrap_or_default());
    let body = html! {
        h1.quiet { "Jobs and traces" }
        @if let Some(grafana) = &shared.grafana {
            p.elsewhere { (outside(&grafana.lab_home(), "Lab home in Grafana")) }
        }
        (workers)
        (canary::panel(shared))
        div.columns {
            section aria-labelledby="jobs" {
                h2 #jobs { "Recent jobs" }
                (jobs)
            }
            section aria-labelledby="traces" {
                h2 #traces { "Recent traces" }
                (search(filter))
                (live(&path, &trace_list::list(shared, filter)))
            }
        }
    };
    frame::page("Jobs and traces", &body).into_response()
}

/// Outside the part that refreshes itself, so that typed text is not lost.
fn search(filter: &TraceFilter) -> Markup {
    let field = |label: &str, name: &str, value: Option<&str>| {
        html! {
            label { span { (label) } input type="search" name=(name) value=[value] maxlength="200"; }
        }
    };
    let duration = filter.min_duration_ms.map(|least| least.to_string());
    let attribute = filter.attribute.as_ref().map(|(key, value)| format!("{key}={value}"));
    let is_narrowed = filter.is_narrowed();
    html! {
        details.search open[is_narrowed] {
            summary { @if is_narrowed { "Search (active)" } @else { "Search" } }
            form action="/" {
                (field("Service", "service", filter.service.as_deref()))
                (field("Span name contains", "name", filter.name.as_deref()))
                (field("Job", "job", filter.job.as_deref()))
                (field("Attribute key=value", "attribute", attribute.as_deref()))
                label { span { "Minimum duration, ms" }
                    input type="number" name="min_duration_ms" min="0" step="any" value=[duration];
                }
                label { span { "Status" }
                    select name="status" {
                        option value="" { "any" }
                        option value="error" selected[filter.failed == Some(true)] { "with errors" }
                        option value="ok" selected[filter.failed == Some(false)] { "without errors" }
                    }
                }
                div.actions {
                    button type="submit" { "Search" }
                    @if is_narrowed { a href="/" { "Clear the search" } }
                }
            }
        }
    }
}
