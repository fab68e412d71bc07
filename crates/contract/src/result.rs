//! The result of an operation, as it is stored and as the HTTP API returns it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::operation::Operation;

/// The result of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationResult {
    /// The operation as it was submitted.
    pub operation: Operation,
    /// The operation's value or error; absent if the job ended before it.
    #[serde(flatten)]
    #[schema(value_type = OutcomeFields)]
    pub result: Option<OperationOutcome>,
    /// How long it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<f64>,
}

/// An [`OperationOutcome`] in JSON: at most one of the fields is present.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
struct OutcomeFields {
    /// A number, a string, or the description of a tile.
    value: Option<serde_json::Value>,
    /// Why the operation failed.
    error: Option<String>,
}

/// The value of an operation, or its error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationOutcome {
    /// A number, a string, or the description of a tile.
    Value(serde_json::Value),
    /// Why the operation failed.
    Error(String),
}
