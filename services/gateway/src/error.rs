//! What a client is told when something is wrong. Causes inside the lab are logged here, once, and not sent.

use std::fmt::Display;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bus::{PublishError, records::RecordError};
use contract::{BodyError, api::Problem, record::Unreadable, signals::reason::RECORD_UNREADABLE};
use runtime::problem::ProblemResponse;

/// Seconds after which a client may try again when the broker was away.
const AWAY_RETRY_SECONDS: u32 = 2;
/// Seconds after which a client may meet a gateway that can read what a newer version wrote.
const NEWER_RETRY_SECONDS: u32 = 5;
/// Seconds after which a client may try again when a queue or store was full.
const FULL_RETRY_SECONDS: u32 = 5;
/// Seconds after which a client may try again when somebody has to make room or prepare the lab first.
pub(crate) const REPAIR_RETRY_SECONDS: u32 = 10;

/// An error answer on its way to a client.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    problem: ProblemResponse,
    retry_after_seconds: Option<u32>,
    cause: Option<String>,
    doubt: Option<Doubt>,
}

/// Left on the answer to a request that failed at the broker, for [`crate::broker_truth`] to find out why.
#[derive(Debug, Clone)]
pub(crate) struct Doubt {
    /// Whether the request may have been stored nevertheless.
    pub(crate) unanswered: bool,
    /// What a client does then.
    pub(crate) advice: String,
    /// The answer as it is when nothing more is found out.
    pub(crate) problem: Problem,
}

impl ApiError {
    /// A problem of the kind `name`. `detail` is public.
    pub(crate) fn new(
        status: StatusCode,
        name: &str,
        title: &str,
        detail: impl Into<String>,
    ) -> Self {
        let problem = ProblemResponse::new(status, name, title, detail);
        Self(Box::new(Parts { problem, retry_after_seconds: None, cause: None, doubt: None }))
    }

    /// Tells the client when to try again.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// The answer's status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.problem().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What the client is told.
    pub(crate) fn problem(&self) -> &Problem {
        &self.0.problem.0
    }

    /// Says to the log, and to nobody else, what was behind it.
    pub(crate) fn because(mut self, cause: impl Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// Asks for the reason to be found out at the broker.
    fn in_doubt(mut self, unanswered: bool, advice: &str) -> Self {
        let (problem, advice) = (self.problem().clone(), advice.to_owned());
        self.0.doubt = Some(Doubt { unanswered, advice, problem });
        self
    }

    /// 400: a query parameter has a value that it cannot have.
    pub(crate) fn parameter(name: &str, problem: impl Display) -> Self {
        let title = "A parameter of the request is wrong";
        Self::new(StatusCode::BAD_REQUEST, "invalid-parameter", title, format!("{name}: {problem}"))
    }

    /// 400: a request header has a value that it cannot have.
    pub(crate) fn header(name: &str, problem: impl Display) -> Self {
        let title = "A header of the request is wrong";
        let detail = format!("header {name}: {problem}");
        Self::new(StatusCode::BAD_REQUEST, "invalid-header", title, detail)
    }

    /// 404: `what` is not there.
    pub(crate) fn not_found(what: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here", what.to_string())
    }

    /// 409: the job is where this cannot be done.
    pub(crate) fn forbidden_by_state(detail: impl Into<String>) -> Self {
        let title = "The job is in a state that forbids this";
        Self::new(StatusCode::CONFLICT, "state-forbids", title, detail)
    }

    /// 413: the body, or what becomes of it, is larger than `bytes_max`.
    pub(crate) fn too_large(what: &str, bytes_max: usize) -> Self {
        let detail = format!("body: {what} must be at most {bytes_max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large", detail)
    }

    /// 503: the broker could not be asked.
    pub(crate) fn broker_away(cause: impl Display) -> Self {
        let detail = "The broker cannot be reached. Nothing was changed; try again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "broker-away", "The broker is away", detail)
            .retry_after(AWAY_RETRY_SECONDS)
            .because(cause)
            .in_doubt(false, "")
    }

    /// 503: the broker did not confirm a first step, without which nothing else was done.
    pub(crate) fn not_begun(advice: &str, cause: impl Display) -> Self {
        let title = "The broker did not answer";
        let detail = format!("The broker did not answer in time; nothing was submitted. {advice}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "broker-away", title, detail)
            .retry_after(AWAY_RETRY_SECONDS)
            .because(cause)
            .in_doubt(false, advice)
    }

    /// 503: no stream takes the request.
    fn no_stream(cause: impl Display) -> Self {
        let title = "The lab is not prepared";
        let detail = "No stream takes this; nothing was stored. Run `waybill topology apply`, then try again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-stream", title, detail)
            .retry_after(REPAIR_RETRY_SECONDS)
            .because(cause)
            .in_doubt(false, "")
    }

    /// A job's record could not be read or written: 409 when it stays so until somebody decides, else 503.
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
                    "The record of job {job} is damaged. When a service meets the job's message, it becomes a dead letter \
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

    /// 503: the broker did not say whether it has stored it.
    pub(crate) fn unconfirmed(advice: &str, cause: impl Display) -> Self {
        let title = "It is unknown whether the request was stored";
        let detail = format!("unknown: the broker did not confirm in time. {advice}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unconfirmed", title, detail)
            .retry_after(AWAY_RETRY_SECONDS)
            .because(cause)
            .in_doubt(true, advice)
    }

    /// What came of a publish. `advice` says how to repeat one that was not confirmed.
    pub(crate) fn publish(error: PublishError, advice: &str) -> Self {
        match error {
            PublishError::Full(cause) => Self::full("queue").because(cause),
            PublishError::StoreFull(cause) => Self::full("broker's store").because(cause),
            PublishError::NoStream(cause) => Self::no_stream(cause),
            PublishError::Unconfirmed(cause) => Self::unconfirmed(advice, cause),
            PublishError::Refused(cause) => Self::internal(cause),
        }
    }

    /// 500: nothing that a client could have done.
    pub(crate) fn internal(cause: impl Display) -> Self {
        let detail = "The lab could not do this; its log says why.";
        let title = "Something is wrong inside";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", title, detail).because(cause)
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        let title = "The body is not what this call takes";
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
