//! Why a request failed at the broker. A handler knows only that a message was not confirmed or nobody took it;
//! here the broker is asked, once for all who wait, and the answer names a full disk, a missing stream, or stays.

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
use bus::StorageProblem;
use runtime::problem::ProblemResponse;
use tokio::{sync::Mutex, time::timeout};

use crate::{
    app::App,
    error::{Doubt, REPAIR_RETRY_SECONDS},
};

/// How long a look serves: many requests that fail at once are one look.
const FRESH: Duration = Duration::from_millis(500);
/// How long a request may wait for a look.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// The last looks for requests that were refused, and for those that were not answered.
#[derive(Default)]
pub(crate) struct Looks([Mutex<Option<Look>>; 2]);

#[derive(Clone)]
struct Look {
    at: Instant,
    found: Option<StorageProblem>,
}

/// Gives the response to a call that only reads its true reason; those in a span get theirs in it.
pub(crate) async fn name_read(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    name(&app, next.run(request).await).await
}

/// Gives a response that fails because of the broker its true reason.
pub(crate) async fn name(app: &App, response: Response) -> Response {
    let Some(doubt) = response.extensions().get::<Doubt>().cloned() else { return response };
    let looked = timeout(LOOK_LIMIT, look(app, doubt.unanswered)).await;
    match looked.ok().flatten() {
        Some(problem) => with_reason(response, &doubt, &problem),
        None => response,
    }
}

async fn look(app: &App, unanswered: bool) -> Option<StorageProblem> {
    let broker = app.broker().ok()?;
    // Held over the look: whoever comes meanwhile gets the same one.
    let mut last = app.storage.0[usize::from(unanswered)].lock().await;
    if let Some(look) = last.as_ref().filter(|look| look.at.elapsed() < FRESH) {
        return look.found.clone();
    }
    let found = broker.bus.storage_problem(unanswered).await;
    if let Some(problem) = &found {
        tracing::warn!(%problem, "requests fail at the broker");
    }
    *last = Some(Look { at: Instant::now(), found: found.clone() });
    found
}

/// The same answer with another reason: its other headers stay.
fn with_reason(response: Response, doubt: &Doubt, problem: &StorageProblem) -> Response {
    let (name, title, repair) = words(problem);
    let stored = if doubt.unanswered {
        "It is unknown whether this was stored."
    } else {
        "Nothing was stored."
    };
    let reason = sentence(&problem.to_string());
    let detail = [reason.as_str(), stored, repair, doubt.advice.as_str()];
    let detail: Vec<_> = detail.into_iter().filter(|part| !part.is_empty()).collect();
    let mut told =
        ProblemResponse::new(StatusCode::SERVICE_UNAVAILABLE, name, title, detail.join(" "));
    told.0.trace_id.clone_from(&doubt.problem.trace_id);
    let (mut head, body) = told.into_response().into_parts();
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

/// The kind of problem, its title, and what makes it go away.
fn words(problem: &StorageProblem) -> (&'static str, &'static str, &'static str) {
    match problem {
        StorageProblem::DiskFull => (
            "broker-disk-full",
            "The broker's disk is full",
            "Make room on it: the lab then goes on by itself.",
        ),
        StorageProblem::DiskFailing => (
            "broker-cannot-store",
            "The broker cannot write to its disk",
            "Its log says why; once it can write, the lab goes on by itself.",
        ),
        StorageProblem::JetStreamOff => (
            "broker-cannot-store",
            "The broker stores nothing",
            "A full or failing disk turns JetStream off; `waybill doctor` says more.",
        ),
        StorageProblem::NotStoring => (
            "broker-cannot-store",
            "The broker does not store",
            "Its disk may be full or failing: look at the broker's health page and log.",
        ),
        StorageProblem::Missing(_) => (
            "no-stream",
            "The lab is not prepared",
            "Run `waybill topology apply`, then try again.",
        ),
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
