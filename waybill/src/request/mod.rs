//! What can be asked of a lab from the command line: operations, presets, a whole body from a file.

mod operation;
mod preset;

use contract::JobSource;
use serde_json::Value;

pub(crate) use operation::{HELP as OPERATIONS_HELP, parse as operation};
pub(crate) use preset::Preset;

/// A job to be handed in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JobRequest {
    /// The body; the gateway judges it.
    pub(crate) body: Value,
    /// Faults for this job alone.
    pub(crate) fault: Option<String>,
    /// Makes handing it in repeatable.
    pub(crate) idempotency_key: Option<String>,
    /// Who hands it in.
    pub(crate) source: JobSource,
}

impl JobRequest {
    /// A job with this body and nothing else.
    pub(crate) fn new(body: Value) -> Self {
        Self { body, fault: None, idempotency_key: None, source: JobSource::Client }
    }
}
