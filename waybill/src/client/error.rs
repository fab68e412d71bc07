//! Errors of requests to the lab, with advice for the user.

use std::time::Duration;

use contract::api::Problem;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// No response.
    #[error(
        "no response from the {part} at {url} ({why}): is the lab up? Start it with `waybill up`; \
         if it uses other ports, set WAYBILL_PORT_BASE or --port-base"
    )]
    Unreachable { part: &'static str, url: String, why: String },
    /// The part refused the request.
    #[error("the {part} refused the request ({status}): {}{}", problem.detail, retry_hint(*.retry_after))]
    Refused { part: &'static str, status: u16, problem: Box<Problem>, retry_after: Option<u64> },
    /// The response is not that of this part of a lab.
    #[error("{url} is not a {part} of a lab ({why}): is another program listening on that port?")]
    Unexpected { part: &'static str, url: String, why: String },
}

impl ClientError {
    /// The HTTP status of a refusal.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::Unexpected { .. } => None,
        }
    }

    /// The `Retry-After` of a refusal.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => retry_after.map(Duration::from_secs),
            Self::Unreachable { .. } | Self::Unexpected { .. } => None,
        }
    }

    /// Whether a retry may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
            || self.status().is_some_and(|status| status >= 500)
    }
}

/// Why a request failed, in a few words.
pub(super) fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timeout".to_owned();
    }
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
