//! One webhook: a row, and its details when it is opened.

use maud::{Markup, html};

use super::super::format::{count, timestamp};
use super::super::links;
use super::pretty_json::pretty;
use crate::hooks::{Hook, Signature};

/// A webhook.
pub(super) fn row(hook: &Hook) -> Markup {
    html! {
        details.hook id=(format!("h-{}", hook.number)) {
            summary {
                span.when { (at(hook.last_at_ms)) }
                span.where title=(hook.name) { (hook.name) }
                span.pill.(outcome_class(hook)) { (hook.fields.event.as_deref().unwrap_or("JSON")) }
                span.outcome { (marks(hook)) }
                span.of.mono { (job(hook)) }
            }
            div.detail { (facts(hook)) pre tabindex="0" { (pretty(&hook.body)) } }
        }
    }
}

/// Labels for signature, repeated arrivals and errors.
fn marks(hook: &Hook) -> Markup {
    html! {
        @match hook.signature {
            Signature::Valid => span.pill.good title="Made with the secret that the console knows" { "signed" },
            Signature::OutOfTime => span.pill.warn title="The right secret, but more than five minutes off" { "signature out of time" },
            Signature::Wrong => span.pill.bad title="Another secret, or not for this body" { "wrong signature" },
            Signature::Unchecked => span.pill.plain title="The console knows no secret" { "signature not checked" },
            Signature::Unsigned => {},
        }
        @if hook.arrivals > 1 {
            span.pill.warn title="The same webhook-id" { "arrived " (count(hook.arrivals)) " times" }
        }
        @if hook.body_changed { span.pill.bad title="Arrivals of one webhook-id had different bodies" { "bodies differ" } }
        @if hook.response_status >= 400 { span.pill.bad { "answered " (hook.response_status) } }
    }
}

fn facts(hook: &Hook) -> Markup {
    let fields = &hook.fields;
    let text = |title: &str, value: &Option<String>| {
        html! { @if let Some(value) = value { div { dt { (title) } dd.mono { (value) } } } }
    };
    html! {
        dl.facts {
            @if hook.arrivals > 1 { div { dt { "First arrived" } dd { (at(hook.first_at_ms)) } } }
            div { dt { "Answered" } dd { (hook.response_status) } }
            (text("webhook-id", &fields.id))
            (text("webhook-timestamp", &fields.timestamp))
            @match &fields.signature {
                Some(signature) => div { dt { "webhook-signature" } dd.mono { (signature) } },
                None => div { dt { "webhook-signature" } dd { "none" } },
            }
            (text("Sender", &fields.sender))
        }
    }
}

/// The job, with a link to its trace.
fn job(hook: &Hook) -> Markup {
    let job = hook.fields.job_id.as_deref().filter(|id| links::is_path_segment(id));
    let path = match (hook.fields.trace_id, job) {
        (Some(trace), _) => Some(links::trace(trace)),
        (None, job) => job.and_then(links::job),
    };
    html! {
        @if let Some(path) = path {
            a href=(path) title="Its trace" { (job.unwrap_or("trace")) }
        }
    }
}

fn outcome_class(hook: &Hook) -> &'static str {
    match hook.fields.outcome.as_deref() {
        Some("succeeded" | "resolved") => "good",
        Some("failed" | "dead" | "firing") => "bad",
        _ => "plain",
    }
}

fn at(unix_ms: i64) -> Markup {
    timestamp(u64::try_from(unix_ms).unwrap_or_default().saturating_mul(1_000_000))
}
