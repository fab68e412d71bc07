//! The completion event, which the stage that ended a job publishes for the notifier.

use serde::{Deserialize, Serialize};

use crate::{job::Job, record::JobFailure, state::Outcome};

/// The data of a completion event: how a job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompletionEvent {
    /// The job as it was run.
    #[serde(flatten)]
    pub job: Job,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, unless it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<JobFailure>,
    /// When, Unix milliseconds by the displayed clock of the stage that ended it.
    pub finished_at_ms: i64,
    /// The run that won, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl CompletionEvent {
    /// The data as JSON, unknown fields of the job included.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        self.job.unknown.write(self)
    }
}
