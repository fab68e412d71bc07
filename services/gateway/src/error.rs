//! The API's error responses. Internal causes are logged here, once, and not sent to the client.

use std::fmt::Display;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bus::PublishError;
use contract::{BodyError, api::Problem, record::Unreadable, signals::reason::RECORD_UNREADABLE};
use jobs::RecordError;
use runtime::problem::ProblemResponse;

/// `Retry-After` in seconds when the broker is unreachable.
const AWAY_RETRY_SECONDS: u32 = 2;
/// `Retry-After` in seconds when a newer version wrote the record: another gateway may be able to read it.
const NEWER_RETRY_SECONDS: u32 = 5;
/// `Retry-After` in seconds when a queue or store is full.
const FULL_RETRY_SECONDS: u32 = 5;
/// `Retry-After` in seconds when an operator has to free space or create streams first.
pub(crate) const REPAIR_RETRY_SECONDS: u32 = 10;

/// An error response.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    problem: ProblemResponse,
    retry_after_seconds: Option<u32>,
    cause: Option<String>,
    doubt: Option<Doubt>,
}

/// Response extension of a request that failed at the broker; [`crate::storage_problem`] finds out why.
#[derive(Debug, Clone)]
pub(crate) struct Doubt {
    /// Whether the request may have been stored nevertheless.
    pub(crate) unconfirmed: bool,
    /// What a client can do then.
    pub(crate) advice: String,
    /// The response if no cause is found.
    pub(crate) problem: Problem,
}

impl ApiError {
    /// A problem of type `name`. `detail` is sent to the client.
    pub(crate) fn new(
        status: StatusCode,
        name: &str,
        title: &str,
        detail: impl Into<String>,
    ) -> Self {
        let problem = ProblemResponse::new(status, name, title, detail);
        Self(Box::new(Parts { problem, retry_after_seconds: None, cause: None, doubt: None }))
    }

    /// Sets `Retry-After`.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// The status of the response.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.problem().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The body of the response.
    pub(crate) fn problem(&self) -> &Problem {
        &self.0.problem.0
    }

    /// Sets the cause, which is only logged.
    pub(crate) fn because(mut self, cause: impl Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// Has the broker queried for the cause.
    fn in_doubt(mut self, unconfirmed: bool, advice: &str) -> Self {
        let (problem, advice) = (self.problem().clone(), advice.to_owned());
        self.0.doubt = Some(Doubt { unconfirmed, advice, problem });
        self
    }

    /// 400: a query or path parameter has an invalid value.
    pub(crate) fn parameter(name: &str, problem: impl Display) -> Self {
        let title = "A parameter of the request is invalid";
        Self::new(StatusCode::BAD_REQUEST, "invalid-parameter", title, format!("{name}: {problem}"))
    }

    /// 400: a request header has an invalid value.
    pub(crate) fn header(name: &str, problem: impl Display) -> Self {
        let title = "A header of the request is invalid";
        let detail = format!("header {name}: {problem}");
        Self::new(StatusCode::BAD_REQUEST, "invalid-header", title, detail)
    }

    /// 404.
    pub(crate) fn not_found(detail: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail.to_string())
    }

    /// 409: the state of the job does not allow the request.
    pub(crate) fn forbidden_by_state(detail: impl Into<String>) -> Self {
        let title = "The state of the job does not allow this";
        Self::new(StatusCode::CONFLICT, "state-forbids", title, detail)
    }

    /// 413: the body, or the message made from it, is larger than `bytes_max`.
    pub(crate) fn too_large(what: &str, bytes_max: usize) -> Self {
        let detail = format!("body: {what} must be at most {bytes_max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large", detail)
    }

    /// 503: the broker is unreachable; the request changed nothing.
    pub(crate) fn broker_away(cause: impl Display) -> Self {
        let detail = "The broker cannot be reached. Nothing was changed; try again.";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "broker-away",
            "The broker is unreachable",
            detail,
        )
        .retry_after(AWAY_RETRY_SECONDS)
        .because(cause)
        .in_doubt(false, "")
    }

    /// 503: the broker did not confirm the first step; no other step was tried.
    pub(crate) fn not_started(advice: &str, cause: impl Display) -> Self {
        let title = "The broker did not respond";
        let detail = format!("The broker did not respond in time; nothing was submitted. {advice}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "broker-away", title, detail)
            .retry_after(AWAY_RETRY_SECONDS)
            .because(cause)
            .in_doubt(false, advice)
    }

    /// 503: no stream has the subject of the message.
    fn no_stream(cause: impl Display) -> Self {
        let title = "A stream is missing";
        let detail = "The broker has no stream for this request; nothing was stored. Run `waybill topology apply`, then try again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-stream", title, detail)
            .retry_after(REPAIR_RETRY_SECONDS)
            .because(cause)
            .in_doubt(false, "")
    }

    /// A job's record could not be read or written: 409 if an operator has to decide, else 503.
    pub(crate) fn record(error: RecordError) -> Self {
        match &error {
            RecordError::Conflict | RecordError::Broker(_) => Self::broker_away(error),
            RecordError::Unreadable { cause: Unreadable::Newer(_), .. } => {
                let title = "A newer version wrote the job's record";
                let detail = "This gateway is older than the service that wrote the job's record, and cannot read it. \
                              Try again: another gateway may be newer. Otherwise update this one.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "record-newer", title, detail)
                    .retry_after(NEWER_RETRY_SECONDS)
                    .because(error)
            }
            RecordError::Unreadable { job, .. } => {
                let title = "The job's record cannot be read";
                let detail = format!(
                    "The record of job {job} is damaged. When the job's message is delivered, it becomes a dead letter \
                     with the reason {RECORD_UNREADABLE}. Redrive the dead letter to replace the record and run the job \
                     again, or delete it to forget the job."
                );
                Self::new(StatusCode::CONFLICT, "record-unreadable", title, detail).because(error)
            }
            RecordError::TooLarge { .. } => {
                let title = "The job's record is full";
                Self::new(StatusCode::CONFLICT, "record-too-large", title, format!("{error}."))
            }
        }
    }

    /// 503: `what` is full. Nothing was stored.
    pub(crate) fn full(what: &str) -> Self {
        let detail = format!("The {what} is full; nothing was stored. Try again later.");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "full", "The lab is full", detail)
            .retry_after(FULL_RETRY_SECONDS)
    }

    /// 503: it is unknown whether the broker has stored the request.
    pub(crate) fn unconfirmed(advice: &str, cause: impl Display) -> Self {
        let title = "It is unknown whether the request was stored";
        let detail = format!("unknown: the broker did not confirm in time. {advice}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unconfirmed", title, detail)
            .retry_after(AWAY_RETRY_SECONDS)
            .because(cause)
            .in_doubt(true, advice)
    }

    /// A failed publish. `advice` says how to repeat an unconfirmed one.
    pub(crate) fn publish(error: PublishError, advice: &str) -> Self {
        match error {
            PublishError::Full(cause) => Self::full("queue").because(cause),
            PublishError::StoreFull(cause) => Self::full("broker's store").because(cause),
            PublishError::NoStream(cause) => Self::no_stream(cause),
            PublishError::Unconfirmed(cause) => Self::unconfirmed(advice, cause),
            PublishError::Refused(cause) => Self::internal(cause),
        }
    }

    /// 500: an internal error.
    pub(crate) fn internal(cause: impl Display) -> Self {
        let detail = "The gateway could not complete the request; see its log.";
        let title = "Internal error";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", title, detail).because(cause)
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        let title = "The body is invalid";
        Self::new(StatusCode::BAD_REQUEST, "invalid-body", title, error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Parts { problem, retry_after_seconds, cause, doubt } = *self.0;
        let (status, detail) = (problem.0.status, problem.0.detail.clone());
        if status >= 500 {
            tracing::warn!(status, detail, cause, "request failed");
        } else {
            tracing::debug!(status, detail, "request refused");
        }
        let mut response = problem.into_response();
        if let Some(seconds) = retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(doubt) = doubt {
            response.extensions_mut().insert(doubt);
        }
        response
    }
}
