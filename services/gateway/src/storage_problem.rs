//! Finds out why a request failed at the broker. A handler knows only that a publish was not confirmed or that no
//! stream took it. Here the broker is queried, once for all waiting requests, and the response names the cause if it is
//! found.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use nats::StorageProblem;
use runtime::problem::ProblemResponse;
use tokio::{sync::Mutex, time::timeout};

use crate::{
    app::App,
    error::{Doubt, REPAIR_RETRY_SECONDS},
};

/// How long a result is reused: many requests that fail at the same time make one query.
const CACHE_TIME: Duration = Duration::from_millis(500);
/// How long a request may wait for a query.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// The last results: for refused publishes, and for unconfirmed ones.
#[derive(Default)]
pub(crate) struct StorageProblems([Mutex<Option<Cached>>; 2]);

#[derive(Clone)]
struct Cached {
    at: Instant,
    found: Option<StorageProblem>,
}

/// Middleware for calls that only read. For calls that change something, [`explain`] runs inside their span.
pub(crate) async fn explain_read(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    explain(&app, next.run(request).await).await
}

/// Adds the cause to a response that failed at the broker.
pub(crate) async fn explain(app: &App, response: Response) -> Response {
    let Some(doubt) = response.extensions().get::<Doubt>().cloned() else { return response };
    let found = timeout(QUERY_TIMEOUT, storage_problem(app, doubt.unconfirmed)).await;
    match found.ok().flatten() {
        Some(problem) => with_cause(response, &doubt, &problem),
        None => response,
    }
}

async fn storage_problem(app: &App, unconfirmed: bool) -> Option<StorageProblem> {
    let broker = app.broker().ok()?;
    // Locked during the query: requests that fail meanwhile get the same result.
    let mut last = app.storage_problems.0[usize::from(unconfirmed)].lock().await;
    if let Some(cached) = last.as_ref().filter(|cached| cached.at.elapsed() < CACHE_TIME) {
        return cached.found.clone();
    }
    let found = broker.jobs.bus.nats.storage_problem(unconfirmed).await;
    if let Some(problem) = &found {
        tracing::warn!(%problem, "broker cannot store: requests fail");
    }
    *last = Some(Cached { at: Instant::now(), found: found.clone() });
    found
}

/// The same response with the cause as its problem; its other headers stay.
fn with_cause(response: Response, doubt: &Doubt, problem: &StorageProblem) -> Response {
    let (name, title, repair) = described(problem);
    let stored = if doubt.unconfirmed {
        "It is unknown whether this was stored."
    } else {
        "Nothing was stored."
    };
    let reason = sentence(&problem.to_string());
    let detail = [reason.as_str(), stored, repair, doubt.advice.as_str()];
    let detail: Vec<_> = detail.into_iter().filter(|part| !part.is_empty()).collect();
    let mut explained =
        ProblemResponse::new(StatusCode::SERVICE_UNAVAILABLE, name, title, detail.join(" "));
    explained.0.trace_id.clone_from(&doubt.problem.trace_id);
    let (mut head, body) = explained.into_response().into_parts();
    let (old, _) = response.into_parts();
    for (name, value) in &old.headers {
        if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
            head.headers.insert(name, value.clone());
        }
    }
    head.headers.insert(header::RETRY_AFTER, HeaderValue::from(REPAIR_RETRY_SECONDS));
    head.extensions.extend(old.extensions);
    Response::from_parts(head, body)
}

/// The type of the problem, its title, and what to do about it.
fn described(problem: &StorageProblem) -> (&'static str, &'static str, &'static str) {
    match problem {
        StorageProblem::DiskFull => (
            "broker-disk-full",
            "The broker's disk is full",
            "Free some space on it; the lab then continues by itself.",
        ),
        StorageProblem::DiskFailing => (
            "broker-cannot-store",
            "The broker cannot write to its disk",
            "See its log; once it can write, the lab continues by itself.",
        ),
        StorageProblem::JetStreamOff => (
            "broker-cannot-store",
            "The broker stores nothing",
            "A full or failing disk turns JetStream off; run `waybill doctor` for details.",
        ),
        StorageProblem::NotStoring => (
            "broker-cannot-store",
            "The broker does not store",
            "Its disk may be full or failing: check the broker's health endpoint and log.",
        ),
        StorageProblem::Missing(_) => {
            ("no-stream", "A stream is missing", "Run `waybill topology apply`, then try again.")
        }
    }
}

/// An error's text as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase).into_iter().flatten();
    first.chain(chars).chain(['.']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_becomes_a_sentence() {
        let missing = StorageProblem::Missing(vec!["TODO", "KV_JOBS"]);
        assert_eq!(sentence(&missing.to_string()), "The broker has no TODO, KV_JOBS.");
    }
}
