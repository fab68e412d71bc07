//! Submitted jobs and raw events in the HTTP API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{JobId, state::JobState};

/// Response to a submitted job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobAccepted {
    /// The job's id.
    pub id: JobId,
    /// The job's state: `accepted`, or a later one for a repeated submission.
    pub state: JobState,
    /// The job's trace, as 32 hex digits.
    pub trace_id: String,
}

/// Response to a raw event: stored, not yet validated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventAccepted {
    /// The event's own id.
    pub event_id: String,
    /// The event's own source.
    pub source: String,
    /// The event's trace, as 32 hex digits.
    pub trace_id: String,
}

/// A raw event: a CloudEvent in structured JSON form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RawEvent {
    /// CloudEvents version; `1.0`.
    #[schema(pattern = r"^1\.0$")]
    pub specversion: String,
    /// Unique within its source. Printable ASCII, like all that follow.
    #[schema(min_length = 1, max_length = 512, pattern = "^[!-~]([ -~]*[!-~])?$")]
    pub id: String,
    /// Source of the event. Sources that begin with `/waybill/` are reserved for the lab.
    #[schema(min_length = 1, max_length = 512, pattern = "^(?!/waybill/)[!-~]([ -~]*[!-~])?$")]
    pub source: String,
    /// Event type.
    #[serde(rename = "type")]
    #[schema(min_length = 1, max_length = 512, pattern = "^[!-~]([ -~]*[!-~])?$")]
    pub kind: String,
    /// Subject of the event; must not be a job id.
    #[schema(min_length = 1, max_length = 512, pattern = "^[!-~]([ -~]*[!-~])?$")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Time of the event, RFC 3339.
    #[schema(format = DateTime, pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The job spec; the ingester validates it.
    #[serde(default)]
    pub data: serde_json::Value,
}
