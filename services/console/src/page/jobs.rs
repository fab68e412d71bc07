//! From a job to its trace.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use super::frame;
use crate::gateway::Away;
use crate::state::ConsoleState;
use crate::store::TraceId;

/// Longest job id that is passed on to the gateway.
const ID_LENGTH_MAX: usize = 64;

/// `GET /jobs/{id}`: to the job's trace, if the store or the gateway knows it.
pub(super) async fn to_trace(
    State(state): State<ConsoleState>,
    Path(id): Path<String>,
) -> Response {
    if let Some(trace) = state.store.trace_of_job(&id) {
        return Redirect::to(&path(trace)).into_response();
    }
    let known = if is_plain(&id) { state.gateway.job(&id).await } else { Err(Away::UnknownJob) };
    match known.map(|job| job.trace_id.parse()) {
        Ok(Ok(trace)) => Redirect::to(&path(trace)).into_response(),
        Ok(Err(_)) => unknown(&id, "The gateway knows the job, but the job has no trace."),
        Err(Away::UnknownJob) => unknown(
            &id,
            "The job is neither known to the gateway nor part of a trace in this console.",
        ),
        Err(away) => {
            unknown(&id, &format!("No trace in this console has this job, and the gateway {away}."))
        }
    }
}

/// Where a trace is shown.
pub(super) fn path(trace: TraceId) -> String {
    format!("/traces/{trace}")
}

/// Whether the id can stand in a path as it is.
pub(super) fn is_plain(id: &str) -> bool {
    let fits = (1..=ID_LENGTH_MAX).contains(&id.len());
    fits && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn unknown(id: &str, why: &str) -> Response {
    let body = html! {
        h1 { "No trace of this job" }
        p.mono { (id) }
        p { (why) }
        p { "See " a href="/" { "the recent jobs and traces" } "." }
    };
    (StatusCode::NOT_FOUND, frame::page("No trace of this job", &body)).into_response()
}
