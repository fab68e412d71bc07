//! The recent traces, and how full the store is.

use axum::extract::State;
use axum::response::Html;
use contract::verdict::Verdict;
use maud::{Markup, html};

use super::format::{count, duration, moment, shortened};
use super::job_list;
use super::jobs;
use super::palette::{self, verdict_class};
use crate::query::{BadQuery, QueryParameters, trace_filter};
use crate::state::ConsoleState;
use crate::store::{StoreStats, StoreStatus, TraceFilter, TraceSummary};

/// Bytes shown of a trace's name.
const NAME_SHOWN_MAX: usize = 256;

/// `GET /parts/traces`: the list alone.
pub(super) async fn part(
    State(state): State<ConsoleState>,
    parameters: QueryParameters,
) -> Result<Html<String>, BadQuery> {
    let filter = filter(parameters)?;
    Ok(Html(state.render(move |state| list(state, &filter).into_string()).await))
}

/// What the query asks for.
pub(super) fn filter(mut parameters: QueryParameters) -> Result<TraceFilter, BadQuery> {
    let filter = trace_filter(&mut parameters)?;
    // The first page's other parameter: it is not about traces.
    parameters.text(job_list::PARAMETER)?;
    parameters.end()?;
    Ok(filter)
}

/// The traces that pass, newest first.
pub(super) fn list(state: &ConsoleState, filter: &TraceFilter) -> Markup {
    let traces = state.store.search(filter);
    let (grpc, http) = (state.otlp_grpc, state.otlp_http);
    html! {
        @if !traces.is_empty() {
            (table(&traces))
        } @else if filter.is_narrowed() {
            p.empty { "No trace matches the search." }
        } @else {
            p.empty {
                "No traces yet. Start the lab with " code { "waybill up" } ", or send OTLP to "
                span.mono { (grpc) } " (gRPC) or " span.mono { (http) } " (HTTP)."
            }
        }
        (standing(&state.store.status()))
    }
}

fn table(traces: &[TraceSummary]) -> Markup {
    let longest = traces.iter().map(|trace| trace.duration_ns).max().unwrap_or_default();
    html! {
        table.list.traces {
            thead {
                tr {
                    th { "Trace" } th { "Services" } th.number { "Spans" }
                    th.number { "Took" } th.number { "Started" }
                }
            }
            tbody { @for trace in traces { (line(trace, longest)) } }
        }
    }
}

fn line(trace: &TraceSummary, longest: u64) -> Markup {
    let mut services: Vec<&str> = trace.services.iter().map(String::as_str).collect();
    palette::sort(&mut services);
    let share = trace.duration_ns as f64 / longest.max(1) as f64 * 100.0;
    html! {
        tr {
            td.main {
                a href=(jobs::path(trace.trace_id)) title=(trace.trace_id) { (shortened(&trace.root_name, NAME_SHOWN_MAX)) }
                @if let Some(kind) = &trace.job_kind { " " span.muted { (kind) } }
                (outcome(trace))
            }
            td.dots {
                @for service in &services {
                    i.swatch.(palette::class(service, &services)) title=(service) {}
                }
                @if trace.more_services > 0 { span.muted { "+" (trace.more_services) } }
                span.hidden { (services.join(", ")) }
            }
            td.number { (trace.span_count) }
            td.number {
                (duration(trace.duration_ns))
                svg.share aria-hidden="true" { rect width=(format!("{share:.1}%")) height="100%" {} }
            }
            td.number.muted {
                @if trace.start_unix_ms > 0 { (moment(trace.start_unix_ms * 1_000_000)) } @else { "–" }
            }
        }
    }
}

/// What did not go straight; nothing for a trace without detours.
fn outcome(trace: &TraceSummary) -> Markup {
    let detours = || trace.verdicts.iter().filter(|verdict| *verdict != Verdict::Done.name());
    html! {
        @for verdict in detours() { " " span.pill.(verdict_class(verdict)) { (verdict) } }
        @if trace.error && detours().next().is_none() { " " span.pill.bad { "error" } }
    }
}

/// Says when something has left or was refused: a list that silently forgets looks frozen.
fn standing(status: &StoreStatus) -> Markup {
    let of = |standing: &StoreStats, what: &str| {
        html! { (count(standing.counts.stored)) " of " (count(standing.limit.items as u64)) " " (what) }
    };
    let evicted = status.spans.counts.evicted + status.logs.counts.evicted;
    let rejected = status.spans.counts.rejected + status.logs.counts.rejected;
    html! {
        p.standing {
            "Kept: " (of(&status.spans, "spans")) " in " (count(status.traces as u64)) " traces, "
            (of(&status.logs, "log lines")) ". "
            @if evicted > 0 { (count(evicted)) " older ones were evicted. " }
            @if rejected > 0 { strong { (count(rejected)) " were refused. " } }
            a href="/api/status" { "All counts" }
        }
    }
}
