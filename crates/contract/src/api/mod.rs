//! The bodies of the gateway's HTTP API.

mod accepted;
mod dead;
mod jobs;
mod operations;
mod queues;
mod waiting;

pub use accepted::{EventAccepted, JobAccepted, RawEvent};
pub use dead::{
    DeadLetterDetail, DeadLetterList, DeadLetterReasonSchema, DeadLetterView, Header,
    REDRIVE_LIMIT_DEFAULT, REDRIVE_LIMIT_MAX, RedriveFailure, RedriveMany, Redriven, RedrivenMany,
};
pub use jobs::{JobEvent, JobList, JobSources, JobView, ProgressView, StageCounts};
pub use operations::{OperationList, OperationState, OperationView};
pub use queues::{QueueList, QueueView, StoreView, WhenFull};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
pub use waiting::{LeaseView, WaitReason, WaitView};

/// Largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Entries of a list if the request sets no limit.
pub const LIST_LIMIT_DEFAULT: usize = 50;
/// Maximum number of entries of a list.
pub const LIST_LIMIT_MAX: usize = 500;
/// Media type of errors (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";
/// Request header that makes a submission repeatable.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// An error response (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable URI for the kind of problem: `https://waybill.dev/problems/{name}`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short summary of the kind of problem.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request; names the wrong field.
    pub detail: String,
    /// The trace of the request, as 32 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}
