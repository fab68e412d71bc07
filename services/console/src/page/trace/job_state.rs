//! The current state of a trace's job, from the gateway; spans are exported only when they end.

use std::time::Duration;

use maud::{Markup, html};
use tokio::time::timeout;

use super::super::job_list::state_class;
use super::super::links;
use crate::gateway::Job;
use crate::state::ConsoleState;

/// How long the page waits for the gateway; without its response only the spans are shown.
const GATEWAY_WAIT: Duration = Duration::from_millis(700);

/// The job of a trace; `None` if the gateway does not respond.
pub(super) async fn job_of(state: &ConsoleState, job_id: Option<String>) -> Option<Job> {
    let id = job_id.filter(|id| links::is_path_segment(id))?;
    timeout(GATEWAY_WAIT, state.gateway.job(&id)).await.ok()?.ok()
}

/// The state with its details: the worker and its progress, why the job waits, or why it did not succeed.
pub(super) fn line(job: &Job) -> Markup {
    html! {
        p.job role="status" {
            span.pill.(state_class(&job.state)) { (job.state) }
            @if job.cancel_requested && !job.has_ended() { " " span.pill.warn { "cancel requested" } }
            @if !job.name.is_empty() { " " b { bdi { (job.name) } } }
            @if let Some(lease) = job.silent() {
                " " span.pill.bad { (lease) }
            } @else if let Some(lease) = &job.lease {
                " running on " span.mono { (lease.worker) } (progress(job))
            } @else if let Some(wait) = &job.waiting {
                " " span { (wait) }
            }
            @if let (Some(attempts @ 2..), Some(most)) = (job.attempts, job.attempts_max) {
                " · attempt " (attempts) " of " (most)
            }
            @if job.interruptions > 0 {
                " · " (job.interruptions) " interruption" @if job.interruptions > 1 { "s" }
            }
            @if let Some((reason, detail)) = job.failure.as_ref().filter(|_| job.state != "succeeded") {
                " " span.bad { (reason) ": " (detail) }
            }
        }
    }
}

fn progress(job: &Job) -> Markup {
    html! {
        @if let Some(at) = &job.progress {
            ", operation " (u64::from(at.operation) + 1) " of " (job.operations) " (" (at.kind) "), "
            (format!("{:.0} %", f64::from(at.part.clamp(0.0, 1.0)) * 100.0))
        }
    }
}
