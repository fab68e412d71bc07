//! The response to an accepted job.

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

/// The id of a submitted job and the root span of its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) job: JobId,
    pub(crate) root: Option<TraceParent>,
}

impl Ticket {
    /// The job's trace, as 32 hex digits; empty if tracing is off.
    pub(crate) fn trace_id(&self) -> String {
        self.root.map(|root| root.trace_hex()).unwrap_or_default()
    }

    /// The current context with the root of the job's trace as its span, which may come from an earlier request.
    pub(crate) fn context(&self) -> Context {
        let current = Context::current();
        let own = telemetry::current_span_ref();
        match self.root.filter(|root| Some(*root) != own) {
            Some(root) => current.with_remote_span_context(telemetry::context::span_context(root)),
            None => current,
        }
    }

    /// 202: the job is stored and in `state`.
    pub(crate) fn accepted(&self, state: JobState) -> Response {
        let body = JobAccepted { id: self.job, state, trace_id: self.trace_id() };
        let location = [(header::LOCATION, format!("/v1/jobs/{}", self.job))];
        let mut response = (StatusCode::ACCEPTED, location, Json(body)).into_response();
        show_trace(&mut response, self.root);
        response
    }
}

/// Sets the response header `traceparent`, so that the client can link to the trace.
pub(crate) fn show_trace(response: &mut Response, root: Option<TraceParent>) {
    let root = root.and_then(|root| HeaderValue::from_str(&root.to_string()).ok());
    if let Some(root) = root {
        response.headers_mut().insert(TRACEPARENT, root);
    }
}
