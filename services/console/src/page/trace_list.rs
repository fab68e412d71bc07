//! The recent traces, and how full the store is.

use axum::extract::State;
use axum::response::Html;
use contract::verdict::Verdict;
use maud::{Markup, html};

use super::format::{count, duration, shortened, timestamp};
use super::palette::{self, verdict_class};
use super::{job_list, links};
use crate::query::{BadQuery, QueryParameters, trace_filter};
use crate::state::ConsoleState;
use crate::store::{StoreStats, StoreStatus, TraceFilter, TraceSummary};

/// Bytes shown of a trace's name.
const NAME_SHOWN_MAX: usize = 256;

/// `GET /parts/traces`: only the list.
pub(super) async fn part(
    State(state): State<ConsoleState>,
    parameters: QueryParameters,
) -> Result<Html<String>, BadQuery> {
    let filter = filter(parameters)?;
    Ok(Html(state.render(move |state| list(state, &filter).into_string()).await))
}

/// Reads the search from the query.
pub(super) fn filter(mut parameters: QueryParameters) -> Result<TraceFilter, BadQuery> {
    let filter = trace_filter(&mut parameters)?;
    // The other parameter of the first page; it does not concern traces.
    parameters.text(job_list::PARAMETER)?;
    parameters.end()?;
    Ok(filter)
}

/// The traces that match, newest first.
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
        (store_status(&state.store.status()))
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
            tbody { @for trace in traces { (row(trace, longest)) } }
        }
    }
}

fn row(trace: &TraceSummary, longest: u64) -> Markup {
    let mut services: Vec<&str> = trace.services.iter().map(String::as_str).collect();
    palette::sort(&mut services);
    let share = trace.duration_ns as f64 / longest.max(1) as f64 * 100.0;
    html! {
        tr {
            td.main {
                a href=(links::trace(trace.trace_id)) title=(trace.trace_id) { (shortened(&trace.root_name, NAME_SHOWN_MAX)) }
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
                @if trace.start_unix_ms > 0 { (timestamp(trace.start_unix_ms * 1_000_000)) } @else { "–" }
            }
        }
    }
}

/// The verdicts other than `done`; without any, whether a span failed.
fn outcome(trace: &TraceSummary) -> Markup {
    let unusual = || trace.verdicts.iter().filter(|verdict| *verdict != Verdict::Done.name());
    html! {
        @for verdict in unusual() { " " span.pill.(verdict_class(verdict)) { (verdict) } }
        @if trace.error && unusual().next().is_none() { " " span.pill.bad { "error" } }
    }
}

/// How full the store is, and whether items were evicted or rejected: a list whose old entries vanish needs an explanation.
fn store_status(status: &StoreStatus) -> Markup {
    let of = |stats: &StoreStats, items: &str| {
        html! { (count(stats.counts.stored)) " of " (count(stats.limit.items as u64)) " " (items) }
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
