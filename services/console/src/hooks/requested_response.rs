//! The response that a sender requests in the query, to show how the notifier handles failures.

use std::time::Duration;

use axum::http::StatusCode;

use crate::query::{BadQuery, QueryParameters};

/// Longest `Retry-After`.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// The requested response; 200 by default.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestedResponse {
    status: StatusCode,
    /// Number of arrivals of one webhook-id that get `status`; later ones get 200.
    times: u64,
    retry_after_seconds: Option<u64>,
}

impl RequestedResponse {
    /// Reads `answer`, `times` and `retry_after`.
    pub(super) fn read(mut parameters: QueryParameters) -> Result<Self, BadQuery> {
        let expected = "a status from 200 to 299 or from 400 to 599";
        let status = parameters.read("answer", expected, status)?;
        let times = parameters.read("times", "a whole number, 1 or more", |text| {
            text.parse().ok().filter(|times| *times > 0)
        })?;
        let most = RETRY_AFTER_MAX.as_secs();
        let expected = format_args!("a number of seconds from 0 to {most}");
        let retry_after_seconds = parameters.read("retry_after", expected, |text| {
            text.parse().ok().filter(|seconds| *seconds <= most)
        })?;
        parameters.end()?;
        Ok(Self {
            status: status.unwrap_or(StatusCode::OK),
            times: times.unwrap_or(u64::MAX),
            retry_after_seconds,
        })
    }

    /// The status for this arrival, counted from 1.
    pub(super) fn status(&self, arrival: u64) -> StatusCode {
        if arrival <= self.times { self.status } else { StatusCode::OK }
    }

    /// The value of `Retry-After`; `None` on success.
    pub(super) fn retry_after(&self, status: StatusCode) -> Option<u64> {
        self.retry_after_seconds.filter(|_| !status.is_success())
    }
}

/// No redirects: senders do not follow them. No 1xx: they are not final.
fn status(text: &str) -> Option<StatusCode> {
    let status = StatusCode::from_u16(text.parse().ok()?).ok()?;
    let is_known = status.is_success() || status.is_client_error() || status.is_server_error();
    is_known.then_some(status)
}
