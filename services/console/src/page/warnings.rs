//! Warnings at the top of the first page: silent workers with their jobs, and jobs that no processor pulls. Empty if
//! there are none.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Html;
use contract::api::WaitReason;
use maud::{Markup, html};

use super::frame;
use super::job_list;
use crate::gateway::{Gateway, Job, Whose};
use crate::state::ConsoleState;

/// Jobs shown per worker; the others are counted.
const JOBS_SHOWN_MAX: usize = 8;

/// The panel, which refreshes itself.
pub(super) async fn panel(gateway: &Gateway) -> Markup {
    frame::live("/parts/workers", &content(gateway).await)
}

/// `GET /parts/workers`: the panel alone.
pub(super) async fn part(State(state): State<ConsoleState>) -> Html<String> {
    Html(content(&state.gateway).await.into_string())
}

/// Empty if the gateway does not respond: the list of jobs reports that.
async fn content(gateway: &Gateway) -> Markup {
    let (running, recent) = tokio::join!(gateway.running_jobs(), gateway.recent_jobs(Whose::All));
    let (running, recent) = (running.unwrap_or_default(), recent.unwrap_or_default());
    let mut silent: BTreeMap<&str, Vec<&Job>> = BTreeMap::new();
    for job in &running {
        if let Some(lease) = job.silent() {
            silent.entry(&lease.worker).or_default().push(job);
        }
    }
    let without_worker = recent.iter().filter(|job| waits_without_worker(job)).count();
    html! {
        @for jobs in silent.values() { (silent_worker(jobs)) }
        @if without_worker > 0 {
            section.standstill role="status" {
                b { "No processor pulls jobs" } " "
                span { (without_worker) " of the recent jobs wait for one. It may be restarting." }
            }
        }
    }
}

fn silent_worker(jobs: &[&Job]) -> Markup {
    // The most recently renewed lease: the worker has been silent since then.
    let last = jobs.iter().filter_map(|job| job.silent()).min_by_key(|lease| lease.silent_ms);
    html! {
        section.standstill role="status" {
            @if let Some(lease) = last { b { (lease) } " " }
            span { "It runs " }
            @for (index, job) in jobs.iter().take(JOBS_SHOWN_MAX).enumerate() {
                @if index > 0 { ", " }
                (job_list::name(job))
            }
            @if jobs.len() > JOBS_SHOWN_MAX { " and " (jobs.len() - JOBS_SHOWN_MAX) " more" }
            "."
        }
    }
}

fn waits_without_worker(job: &Job) -> bool {
    job.waiting.as_ref().is_some_and(|wait| wait.reason == WaitReason::NoWorker)
}
