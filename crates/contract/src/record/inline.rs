//! What stands in the record itself as long as it is small. Most jobs ask for little and come to little,
//! and a document of its own for each costs the broker as much as the whole rest of a move.

use serde::{Deserialize, Serialize};

use crate::job::JobSpec;

/// Largest document that stands in the record, in bytes of JSON; what is larger has its own store.
pub const INLINE_BYTES_MAX: usize = 512;

/// What a job asked for, for those who must speak of it and hold no message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InlineSpec {
    /// The job, with what the ingester filled in.
    pub spec: JobSpec,
    /// The deadline of its first round, as it stood before the record itself had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_at_ms: Option<i64>,
    /// The trace context that it was handed on with, as headers.
    pub context: Vec<(String, String)>,
}

/// Whether `document` is small enough to stand in the record.
pub fn is_small<T: Serialize>(document: &T) -> bool {
    serde_json::to_vec(document).is_ok_and(|json| json.len() <= INLINE_BYTES_MAX)
}
