//! The first page: recent jobs from the gateway, recent traces from the store.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use maud::{Markup, html};

use super::frame::{WebPage, external_link, live};
use super::{canary, job_list, trace_list, warnings};
use crate::query::QueryParameters;
use crate::state::ConsoleState;
use crate::store::TraceFilter;

/// `GET /`: the traces can be searched with the parameters of `/api/traces`.
pub(super) async fn page(
    State(state): State<ConsoleState>,
    RawQuery(query): RawQuery,
    parameters: QueryParameters,
) -> WebPage {
    let filter = match trace_list::filter(parameters) {
        Ok(filter) => filter,
        Err(bad) => {
            let body = html! {
                h1 { "The search is invalid" }
                p { (bad) }
                p { a href="/" { "Clear the search" } }
            };
            return WebPage::titled(StatusCode::BAD_REQUEST, "Bad search", body);
        }
    };
    let whose = job_list::whose(query.as_deref());
    let (warnings, jobs) =
        tokio::join!(warnings::panel(&state.gateway), job_list::section(&state.gateway, whose));
    state.render(move |state| full_page(state, &filter, query, &warnings, &jobs)).await
}

fn full_page(
    state: &ConsoleState,
    filter: &TraceFilter,
    query: Option<String>,
    warnings: &Markup,
    jobs: &Markup,
) -> WebPage {
    let path = format!("/parts/traces?{}", query.unwrap_or_default());
    WebPage::new(html! {
        h1.quiet { "Jobs and traces" }
        @if let Some(grafana) = &state.grafana {
            p.elsewhere { (external_link(&grafana.lab_home(), "Lab home in Grafana")) }
        }
        (warnings)
        (canary::panel(state))
        div.columns {
            section aria-labelledby="jobs" {
                h2 #jobs { "Recent jobs" }
                (jobs)
            }
            section aria-labelledby="traces" {
                h2 #traces { "Recent traces" }
                (search(filter))
                (live(&path, &trace_list::list(state, filter)))
            }
        }
    })
}

/// Not in the part that refreshes itself, so that typed text is not lost.
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
