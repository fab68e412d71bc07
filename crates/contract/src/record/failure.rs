//! Failure and timestamps of a job.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text::shown;

/// Longest failure detail in a record, in bytes; the full text is in the log.
pub const DETAIL_BYTES_MAX: usize = 240;

/// Why a job did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobFailure {
    /// The reason, one of a fixed set of words.
    pub reason: String,
    /// What happened, for people; cut to 240 bytes.
    pub detail: String,
}

impl JobFailure {
    /// A failure, with the detail cut to its limit.
    pub fn new(reason: impl Into<String>, detail: &str) -> Self {
        // Control characters grow sixfold in JSON, so they are removed before the cut, with format characters.
        let clean = shown(detail);
        let cut = clean.floor_char_boundary(DETAIL_BYTES_MAX);
        Self { reason: reason.into(), detail: clean[..cut].to_owned() }
    }
}

/// Displayed times, Unix milliseconds; each by the clock of the service that wrote it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Timestamps {
    /// The gateway accepted it.
    pub accepted_ms: i64,
    /// The ingester queued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_ms: Option<i64>,
    /// The latest attempt started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<i64>,
    /// The next attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<i64>,
    /// The job ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_ms: Option<i64>,
    /// Queue wait of the latest attempt; negative if clocks disagree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_wait_ms: Option<i64>,
}
