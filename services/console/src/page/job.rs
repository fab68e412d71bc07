//! Redirects from a job to its trace.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use super::frame::WebPage;
use super::links;
use crate::gateway::Away;
use crate::state::ConsoleState;

/// `GET /jobs/{id}`: redirects to the job's trace if the store or the gateway knows it.
pub(super) async fn to_trace(
    State(state): State<ConsoleState>,
    Path(id): Path<String>,
) -> Response {
    if let Some(trace) = state.store.trace_of_job(&id) {
        return Redirect::to(&links::trace(trace)).into_response();
    }
    let job = if links::is_path_segment(&id) {
        state.gateway.job(&id).await
    } else {
        Err(Away::UnknownJob)
    };
    match job.map(|job| job.trace_id.parse()) {
        Ok(Ok(trace)) => Redirect::to(&links::trace(trace)).into_response(),
        Ok(Err(_)) => no_trace(&id, "The gateway knows the job, but the job has no trace."),
        Err(Away::UnknownJob) => no_trace(
            &id,
            "The job is neither known to the gateway nor part of a trace in this console.",
        ),
        Err(away) => no_trace(
            &id,
            &format!("No trace in this console has this job, and the gateway {away}."),
        ),
    }
}

fn no_trace(id: &str, reason: &str) -> Response {
    let body = html! {
        h1 { "No trace of this job" }
        p.mono { (id) }
        p { (reason) }
        p { "See " a href="/" { "the recent jobs and traces" } "." }
    };
    WebPage::titled(StatusCode::NOT_FOUND, "No trace of this job", body).into_response()
}
