//! Errors of requests to the lab, with advice for the user.

use std::time::Duration;

use contract::api::Problem;
use reqwest::StatusCode;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No response, or not a whole one.
    #[error(
        "no response from the {part} at {url} ({cause}): is the lab up? Start it with `waybill up`; \
         if it uses other ports, set WAYBILL_PORT_BASE or --port-base"
    )]
    Unreachable {
        /// The part of the lab.
        part: &'static str,
        /// The part's base URL.
        url: String,
        /// What went wrong.
        cause: NoResponse,
    },
    /// The part refused the request.
    #[error("the {part} refused the request ({status}): {}{}", problem.detail, retry_hint(*.retry_after))]
    Refused {
        /// The part of the lab.
        part: &'static str,
        /// The HTTP status.
        status: u16,
        /// The part's explanation.
        problem: Box<Problem>,
        /// `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// The response is not that of this part of a lab.
    #[error("{url} is not a {part} of a lab ({what}): is another program listening on that port?")]
    Unexpected {
        /// The part of the lab.
        part: &'static str,
        /// The part's base URL.
        url: String,
        /// What is unexpected.
        what: UnexpectedResponse,
    },
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoResponse {
    /// The response did not end in time.
    #[error("timeout")]
    Timeout,
    /// The request was not sent.
    #[error("{0}")]
    NotConnected(String),
    /// The connection was closed before the response began.
    #[error("{0}")]
    Closed(String),
    /// The connection was closed before the end of the response.
    #[error("{0}")]
    BrokenOff(String),
}

/// What is unexpected in a response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnexpectedResponse {
    /// An error without a problem document.
    #[error("HTTP status {0}")]
    Status(StatusCode),
    /// A body larger than this many bytes.
    #[error("the response is larger than {0} bytes")]
    TooLarge(usize),
    /// An event larger than this many bytes.
    #[error("an event is larger than {0} bytes")]
    EventTooLarge(usize),
    /// A body that is not what was requested.
    #[error("{0}")]
    Invalid(String),
}

impl ClientError {
    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::Unexpected { .. } => None,
        }
    }

    /// The HTTP status of the response, whether or not it explains itself; absent for a success.
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::Unexpected { what: UnexpectedResponse::Status(status), .. } => {
                Some(status.as_u16())
            }
            other => other.status(),
        }
    }

    /// The `Retry-After` of a refusal.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => retry_after.map(Duration::from_secs),
            Self::Unreachable { .. } | Self::Unexpected { .. } => None,
        }
    }

    /// Whether a retry may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
            || self.status().is_some_and(|status| status >= 500)
    }
}

impl NoResponse {
    /// The error of sending a request.
    pub(crate) fn of_request(error: &reqwest::Error) -> Self {
        match why(error) {
            _ if error.is_timeout() => Self::Timeout,
            why if error.is_connect() => Self::NotConnected(why),
            why => Self::Closed(why),
        }
    }

    /// The error of reading a body.
    pub(crate) fn of_body(error: &reqwest::Error) -> Self {
        if error.is_timeout() { Self::Timeout } else { Self::BrokenOff(why(error)) }
    }
}

/// Why a request failed, in a few words.
fn why(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    match cause.downcast_ref::<std::io::Error>() {
        Some(io) => io.kind().to_string(),
        None => cause.to_string(),
    }
}

fn retry_hint(seconds: Option<u64>) -> String {
    seconds.map_or(String::new(), |seconds| format!(" (try again in {seconds} s)"))
}
