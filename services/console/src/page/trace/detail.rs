//! What a span says of itself, shown when its row is opened.

use contract::signals::attr;
use maud::{Markup, html};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::{Link, SpanKind};

use super::super::format::{duration, moment};
use super::super::jobs;
use super::journey::anchor;
use super::view::{SpanView, TraceView};
use crate::store::{SpanId, TraceId, attribute};

/// Events and links shown of one span.
const ENTRIES_SHOWN_MAX: usize = 50;

/// The opened part of a row.
pub(super) fn detail(trace: &TraceView, view: &SpanView, parent: Option<&SpanView>) -> Markup {
    html! {
        div.detail {
            @if !view.message().is_empty() { p.message { (view.message()) } }
            (facts(trace, view, parent))
            (table("Attributes", &view.span.attributes))
            (events(trace, view))
            (links(trace, view))
            @if let Some(resource) = &view.origin.resource {
                (table("Resource", &resource.attributes))
            }
        }
    }
}

fn facts(trace: &TraceView, view: &SpanView, parent: Option<&SpanView>) -> Markup {
    let offset = view.span.start_time_unix_nano.saturating_sub(trace.start);
    html! {
        dl.facts {
            div { dt { "Kind" } dd { (kind(view.span.kind)) } }
            div { dt { "Starts" } dd { "+" (duration(offset)) " · " (moment(view.span.start_time_unix_nano)) } }
            @if let Some(wait) = view.text(attr::QUEUE_WAIT_MS) {
                div { dt { "Waited in queue" } dd { (wait) " ms" } }
            }
            @if let Some(round) = view.text(attr::JOB_ROUND).filter(|round| round != "0") {
                div { dt { "Round" } dd { (round) } }
            }
            @if let Some(scope) = &view.origin.scope { div { dt { "Scope" } dd { (scope.name) } } }
            div { dt { "Span" } dd.mono { a href=(anchor(view)) { (view.id) } } }
            @match (parent, view.parent) {
                (Some(parent), _) => div { dt { "Parent" } dd.mono { a href=(anchor(parent)) { (parent.id) } } },
                (None, Some(parent)) => div { dt { "Parent" } dd.mono.bad { (parent) " is not here" } },
                (None, None) => {},
            }
        }
    }
}

fn table(title: &str, attributes: &[KeyValue]) -> Markup {
    html! {
        @if !attributes.is_empty() {
            h3 { (title) }
            table.attributes {
                @for pair in attributes {
                    tr { th scope="row" { (pair.key) } td { (value(pair.value.as_ref())) } }
                }
            }
        }
    }
}

fn events(trace: &TraceView, view: &SpanView) -> Markup {
    let events = &view.span.events;
    html! {
        @if !events.is_empty() {
            h3 { "Events" }
            ol.entries {
                @for event in events.iter().take(ENTRIES_SHOWN_MAX) {
                    li {
                        span.mono.muted { "+" (duration(event.time_unix_nano.saturating_sub(trace.start))) } " "
                        strong { (event.name) } (inline(&event.attributes))
                    }
                }
            }
            (more(events.len()))
        }
    }
}

fn links(trace: &TraceView, view: &SpanView) -> Markup {
    let links = &view.span.links;
    html! {
        @if !links.is_empty() {
            h3 { "Links" }
            ol.entries {
                @for link in links.iter().take(ENTRIES_SHOWN_MAX) {
                    li { (target(trace, link)) (inline(&link.attributes)) }
                }
            }
            (more(links.len()))
        }
    }
}

/// Where a link leads: a row of this page, another trace, or nowhere when its ids are none.
fn target(trace: &TraceView, link: &Link) -> Markup {
    let ids = (TraceId::from_wire(&link.trace_id), SpanId::from_wire(&link.span_id));
    let (Some(to), Some(span)) = ids else { return html! { span.muted { "malformed link" } } };
    let here = trace.spans.iter().find(|view| view.id == span).filter(|_| to == trace.id);
    html! {
        @match here {
            Some(view) => { a href=(anchor(view)) { (view.span.name) } " " span.muted { (view.service()) } },
            None if to == trace.id => { span.mono { (span) } " of this trace, not here" },
            None => a.mono href=(format!("{}#s-{span}", jobs::path(to))) { "trace " (to) },
        }
    }
}

fn inline(attributes: &[KeyValue]) -> Markup {
    html! {
        @for pair in attributes {
            " " span.pair { span.muted { (pair.key) "=" } (value(pair.value.as_ref())) }
        }
    }
}

fn more(count: usize) -> Markup {
    let hidden = count.saturating_sub(ENTRIES_SHOWN_MAX);
    html! { @if hidden > 0 { p.note { (hidden) " more in the JSON" } } }
}

fn value(value: Option<&AnyValue>) -> String {
    value.map(attribute::text).unwrap_or_default()
}

fn kind(kind: i32) -> &'static str {
    match SpanKind::try_from(kind) {
        Ok(SpanKind::Internal) => "internal",
        Ok(SpanKind::Server) => "server",
        Ok(SpanKind::Client) => "client",
        Ok(SpanKind::Producer) => "producer",
        Ok(SpanKind::Consumer) => "consumer",
        Ok(SpanKind::Unspecified) | Err(_) => "unspecified",
    }
}
