//! Why a part of the lab did not give an answer, and what the user can do.

use std::time::Duration;

use contract::api::Problem;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody answers there.
    #[error(
        "the {part} does not answer at {url} ({why}): is the lab up? Start it with `waybill up`; \
         if it is elsewhere, set WAYBILL_PORT_BASE or --port-base"
    )]
    Unreachable { part: &'static str, url: String, why: String },
    /// It answered that it will not.
    #[error("the {part} refuses ({status}): {}{}", problem.detail, again(*.retry_after))]
    Refused { part: &'static str, status: u16, problem: Box<Problem>, retry_after: Option<u64> },
    /// Something answered, and it is not that part of a lab.
    #[error("{url} is not a {part} of a lab ({why}): is another program on that port?")]
    Strange { part: &'static str, url: String, why: String },
}

impl ClientError {
    /// The status of a refusal.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::Strange { .. } => None,
        }
    }

    /// When a refusal asks to be tried again.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => retry_after.map(Duration::from_secs),
            Self::Unreachable { .. } | Self::Strange { .. } => None,
        }
    }

    /// Whether the same question may well be answered in a moment.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
            || self.status().is_some_and(|status| status >= 500)
    }
}

/// Why a request did not come through, in a few words.
pub(super) fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
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

fn again(seconds: Option<u64>) -> String {
    seconds.map_or(String::new(), |seconds| format!(" (try again in {seconds} s)"))
}
