//! What a client may ask for: a job to submit, and which jobs and dead letters to list.

use contract::{JobId, JobSource, Stage};
use serde::Serialize;
use serde_json::Value;

/// A job to submit.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRequest {
    /// The body; the gateway validates it.
    pub body: Value,
    /// Faults for this job alone.
    pub fault: Option<String>,
    /// Makes retries of the submission safe.
    pub idempotency_key: Option<String>,
    /// Who submits it.
    pub source: JobSource,
}

impl JobRequest {
    /// A job with this body and nothing else.
    pub fn new(body: Value) -> Self {
        Self { body, fault: None, idempotency_key: None, source: JobSource::Client }
    }
}

/// Which jobs to list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct JobFilter {
    /// Only jobs in this state.
    pub state: Option<String>,
    /// Only jobs of this kind.
    pub kind: Option<String>,
    /// Jobs of clients only, unless `all`.
    pub source: Option<&'static str>,
    /// Maximum number of jobs.
    pub limit: usize,
    /// Only jobs older than this one.
    pub cursor: Option<JobId>,
}

/// Which dead letters to list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DeadLetterFilter {
    /// Only dead letters of this stage.
    pub stage: Option<Stage>,
    /// Only dead letters with this reason.
    pub reason: Option<String>,
    /// Maximum number of dead letters.
    pub limit: usize,
    /// The `next_cursor` of the previous page.
    pub cursor: Option<String>,
}
