//! Requests to a lab from the command line: presets and whole bodies.

mod preset;

use contract::JobSource;
use serde_json::Value;

pub(crate) use preset::Preset;

/// A job to submit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JobRequest {
    /// The body; the gateway validates it.
    pub(crate) body: Value,
    /// Faults for this job alone.
    pub(crate) fault: Option<String>,
    /// Makes retries of the submission safe.
    pub(crate) idempotency_key: Option<String>,
    /// Who submits it.
    pub(crate) source: JobSource,
}

impl JobRequest {
    /// A job with this body and nothing else.
    pub(crate) fn new(body: Value) -> Self {
        Self { body, fault: None, idempotency_key: None, source: JobSource::Client }
    }
}
