//! Error responses as `application/problem+json` (RFC 9457). Each server defines its own kinds.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use contract::api::{PROBLEM_JSON, Problem};

/// Base of the `type` URIs: `{base}{name}`.
const PROBLEMS: &str = "https://waybill.dev/problems/";

/// An error response. It carries the trace of the current span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemResponse(pub Problem);

impl ProblemResponse {
    /// A problem of the kind `name` (a stable word such as `body-too-large`). `detail` says what is
    /// wrong with this request and what to do; it is public, so it never holds an internal cause.
    pub fn new(status: StatusCode, name: &str, title: &str, detail: impl Into<String>) -> Self {
        Self(Problem {
            kind: format!("{PROBLEMS}{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            trace_id: telemetry::current_span_ref().map(|span| span.trace_hex()),
        })
    }

    /// The same response in the trace `trace_id` (32 hex digits), for spans that are not the current one.
    #[must_use]
    pub fn in_trace(mut self, trace_id: impl Into<String>) -> Self {
        self.0.trace_id = Some(trace_id.into());
        self
    }
}

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self.0)).into_response();
        let media = HeaderValue::from_static(PROBLEM_JSON);
        response.headers_mut().insert(header::CONTENT_TYPE, media);
        response
    }
}
