//! The details of a span, shown when its row is opened.

use contract::signals::attr;
use maud::{Markup, html};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Link, SpanKind};

use super::super::format::{count, duration, shortened, timestamp};
use super::super::links;
use super::trace_view::{ENTRIES_SHOWN_MAX, SpanView, TraceView};
use crate::store::{SpanId, TraceId, attribute, timestamps};

/// Attributes shown of one span, resource, event or link.
const ATTRIBUTES_SHOWN_MAX: usize = 64;

/// Bytes shown of one value.
const VALUE_SHOWN_MAX: usize = 1_000;

/// Bytes of markup around an attribute or an entry.
const MARKUP_BYTES: usize = 64;

/// The content of an opened row.
pub(super) fn detail(trace: &TraceView, view: &SpanView, parent: Option<&SpanView>) -> Markup {
    let span = view.span();
    let message = span.status.as_ref().map(|status| status.message.as_str()).unwrap_or_default();
    html! {
        div.detail {
            @if !message.is_empty() { p.message { (shortened(message, VALUE_SHOWN_MAX)) } }
            (facts(trace, view, &span, parent))
            (table(trace, "Attributes", &span.attributes, span.dropped_attributes_count))
            (events(trace, &span))
            (links(trace, &span))
            @if let Some(resource) = view.scope.resource() {
                (table(trace, "Resource", &resource.attributes, resource.dropped_attributes_count))
            }
        }
    }
}

fn facts(trace: &TraceView, view: &SpanView, span: &Span, parent: Option<&SpanView>) -> Markup {
    let text = |key| attribute::find(&span.attributes, key).map(attribute::text);
    html! {
        dl.facts {
            div { dt { "Kind" } dd { (kind(span.kind)) } }
            div { dt { "Starts" } dd {
                @match view.start {
                    Some(start) => { (offset(trace, start)) " · " (timestamp(start)) },
                    None => "at an unknown time",
                }
            } }
            @if let Some(wait) = text(attr::QUEUE_WAIT_MS) {
                div { dt { "Waited in queue" } dd { (shortened(&wait, VALUE_SHOWN_MAX)) " ms" } }
            }
            @if let Some(round) = text(attr::JOB_ROUND).filter(|round| round != "0") {
                div { dt { "Round" } dd { (shortened(&round, VALUE_SHOWN_MAX)) } }
            }
            @if let Some(scope) = view.scope.scope() {
                div { dt { "Scope" } dd { (shortened(&scope.name, VALUE_SHOWN_MAX)) } }
            }
            div { dt { "Span" } dd.mono { a href=(view.anchor()) { (view.id) } } }
            @match (parent, view.parent) {
                (Some(parent), _) => div { dt { "Parent" } dd.mono { a href=(parent.anchor()) { (parent.id) } } },
                (None, Some(parent)) => div { dt { "Parent" } dd.mono.bad { (parent) " is not in this console" } },
                (None, None) => {},
            }
        }
    }
}

/// Time since the trace's start; empty for an implausible timestamp.
fn offset(trace: &TraceView, at: u64) -> String {
    let at = timestamps::plausible(at).map(|at| at.saturating_sub(trace.start));
    at.map(|at| format!("+{}", duration(at))).unwrap_or_default()
}

fn table(trace: &TraceView, title: &str, attributes: &[KeyValue], dropped: u32) -> Markup {
    let shown = shown(trace, attributes);
    let hidden = attributes.len() - shown.len();
    html! {
        @if !attributes.is_empty() || dropped > 0 {
            h3 { (title) }
            table.attributes {
                @for (key, value) in shown { tr { th scope="row" { (key) } td { (value) } } }
            }
            (more(hidden))
            @if dropped > 0 {
                p.note { (count(dropped.into())) " more were dropped, by the sender or because the console keeps at most 128" }
            }
        }
    }
}

/// The first attributes as text, as many as fit on the page.
fn shown<'a>(trace: &TraceView, attributes: &'a [KeyValue]) -> Vec<(&'a str, String)> {
    let pairs = attributes.iter().take(ATTRIBUTES_SHOWN_MAX);
    let pairs = pairs.map(|pair| (pair.key.as_str(), value(pair.value.as_ref())));
    let fits =
        |(key, value): &(&str, String)| trace.reserve_room(key.len() + value.len() + MARKUP_BYTES);
    pairs.take_while(fits).collect()
}

fn events(trace: &TraceView, span: &Span) -> Markup {
    let shown = |name: &str| trace.reserve_room(name.len() + MARKUP_BYTES);
    let events = &span.events;
    let first = events.iter().take(ENTRIES_SHOWN_MAX).take_while(|event| shown(&event.name));
    let first: Vec<_> = first.collect();
    html! {
        @if !events.is_empty() || span.dropped_events_count > 0 {
            h3 { "Events" }
            ol.entries {
                @for event in &first {
                    li {
                        span.mono.muted { (offset(trace, event.time_unix_nano)) } " "
                        strong { (shortened(&event.name, VALUE_SHOWN_MAX)) } (inline(trace, &event.attributes))
                    }
                }
            }
            (more(events.len() - first.len()))
            @if span.dropped_events_count > 0 {
                p.note { (count(span.dropped_events_count.into())) " more events were dropped" }
            }
        }
    }
}

fn links(trace: &TraceView, span: &Span) -> Markup {
    let links = span.links.iter().take(ENTRIES_SHOWN_MAX);
    let first: Vec<_> = links.take_while(|_| trace.reserve_room(2 * MARKUP_BYTES)).collect();
    html! {
        @if !span.links.is_empty() || span.dropped_links_count > 0 {
            h3 { "Links" }
            ol.entries {
                @for link in &first {
                    li { (target(trace, link)) (inline(trace, &link.attributes)) }
                }
            }
            (more(span.links.len() - first.len()))
            @if span.dropped_links_count > 0 {
                p.note { (count(span.dropped_links_count.into())) " more links were dropped" }
            }
        }
    }
}

/// The target of a link: a row of this page, or another trace; text only if its ids are invalid.
fn target(trace: &TraceView, link: &Link) -> Markup {
    let ids = (TraceId::from_wire(&link.trace_id), SpanId::from_wire(&link.span_id));
    let (Some(to), Some(span)) = ids else { return html! { span.muted { "malformed link" } } };
    let row = trace.spans.iter().find(|view| view.id == span).filter(|_| to == trace.id);
    html! {
        @match row {
            Some(view) => { a href=(view.anchor()) { (view.name) } " " span.muted { (view.service()) } },
            None if to == trace.id => { span.mono { (span) } " of this trace, not in this console" },
            None => a.mono href=(links::span(to, span)) { "trace " (to) },
        }
    }
}

fn inline(trace: &TraceView, attributes: &[KeyValue]) -> Markup {
    let shown = shown(trace, attributes);
    let hidden = attributes.len() - shown.len();
    html! {
        @for (key, value) in shown { " " span.pair { span.muted { (key) "=" } (value) } }
        @if hidden > 0 { " " span.muted { (hidden) " more in the JSON" } }
    }
}

fn more(hidden: usize) -> Markup {
    html! { @if hidden > 0 { p.note { (hidden) " more in the JSON" } } }
}

fn value(value: Option<&AnyValue>) -> String {
    let text = value.map(attribute::text).unwrap_or_default();
    shortened(&text, VALUE_SHOWN_MAX).into_owned()
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
