//! The answer to a job that was taken, and the ticket it goes by.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use contract::{
    JobId,
    api::JobAccepted,
    propagation::{TRACEPARENT, TraceParent},
    state::JobState,
};
use opentelemetry::{Context, trace::TraceContextExt as _};

/// Which job a submission is, and the span that its trace starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) job: JobId,
    pub(crate) root: Option<TraceParent>,
}

impl Ticket {
    /// The job's trace, as 32 hex digits; empty where nothing makes traces.
    pub(crate) fn trace_id(&self) -> String {
        self.root.map(|root| root.trace_hex()).unwrap_or_default()
    }

    /// The current context with the job's root as its span, which may be another request's.
    pub(crate) fn context(&self) -> Context {
        let current = Context::current();
        let own = telemetry::current_span_ref();
        match self.root.filter(|root| Some(*root) != own) {
            Some(root) => current.with_remote_span_context(telemetry::context::span_context(root)),
            None => current,
        }
    }

    /// 202: the lab has the job, and it is in `state`.
    pub(crate) fn accepted(&self, state: JobState) -> Response {
        let body = JobAccepted { id: self.job, state, trace_id: self.trace_id() };
        let location = [(header::LOCATION, format!("/v1/jobs/{}", self.job))];
        let mut response = (StatusCode::ACCEPTED, location, Json(body)).into_response();
        show_trace(&mut response, self.root);
        response
    }
}

/// Tells the client the trace, so that it can link to it.
pub(crate) fn show_trace(response: &mut Response, root: Option<TraceParent>) {
    let root = root.and_then(|root| HeaderValue::from_str(&root.to_string()).ok());
    if let Some(root) = root {
        response.headers_mut().insert(TRACEPARENT, root);
    }
}
