//! When things happened to a job, and why it did not succeed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text::shown;

/// Longest failure detail kept in a record, in bytes; the whole text is in the log.
pub const DETAIL_BYTES_MAX: usize = 240;

/// Why a job did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobFailure {
    /// One of a fixed set of words, fit for a label.
    pub reason: String,
    /// What happened, for people; cut to 240 bytes.
    pub detail: String,
}

impl JobFailure {
    /// A failure whose detail is cut so that the record stays small.
    pub fn new(reason: impl Into<String>, detail: &str) -> Self {
        // Control characters grow sixfold in JSON, so they go before the cut; format characters go with them.
        let clean = shown(detail);
        let cut = clean.floor_char_boundary(DETAIL_BYTES_MAX);
        Self { reason: reason.into(), detail: clean[..cut].to_owned() }
    }
}

/// Displayed times, Unix milliseconds; each by the clock of the service that wrote it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Timestamps {
    /// The gateway took it.
    pub accepted_ms: i64,
    /// The ingester let it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_ms: Option<i64>,
    /// The latest attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<i64>,
    /// The next attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<i64>,
    /// It ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_ms: Option<i64>,
    /// How long the latest attempt's message waited; may be negative when clocks disagree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_wait_ms: Option<i64>,
}
