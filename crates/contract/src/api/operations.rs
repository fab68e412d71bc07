//! The operations of a job, one by one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::operation::{Operation, OperationKind};

/// Where one operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// Its turn has not come.
    Waiting,
    /// It runs, by the worker's last sign of life.
    Running,
    /// It has a value.
    Done,
    /// It has an error of its own, or the job ended while it ran.
    Failed,
    /// The job ended before its turn came.
    Skipped,
}

/// One operation of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationView {
    /// Its place in the job, from 0.
    pub index: u32,
    /// Where it is.
    pub state: OperationState,
    /// Its kind; absent until the job was queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<OperationKind>,
    /// What was asked for; absent until the job was queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// Its done part, 0 to 1, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<f32>,
    /// Its value: a number, a text, or the description of a tile. Told when the job has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// Its own error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<f64>,
    /// Where its picture is, if it made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// All operations of a job, in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationList {
    /// The operations.
    pub operations: Vec<OperationView>,
}
