//! The operations of a job in the HTTP API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::operation::{Operation, OperationKind};

/// State of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// Not started yet.
    Waiting,
    /// Running, as of the last lease renewal.
    Running,
    /// Ended with a value.
    Done,
    /// Ended with an error, or the job ended while it ran.
    Failed,
    /// The job ended before it started.
    Skipped,
}

/// One operation of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationView {
    /// The operation's index in the job, from 0.
    pub index: u32,
    /// The operation's state.
    pub state: OperationState,
    /// The operation's kind; absent until the job is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<OperationKind>,
    /// The operation as submitted; absent until the job is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// The completed part, 0 to 1, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<f32>,
    /// The operation's value: a number, a string, or the description of a tile. Present once the job has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// The operation's error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<f64>,
    /// Path of its image, if it rendered one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// All operations of a job, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationList {
    /// The operations.
    pub operations: Vec<OperationView>,
}
