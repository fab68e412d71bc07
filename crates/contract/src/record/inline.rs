//! Documents that are small enough for the record itself. Most specs and results are, and to store each separately
//! would cost the broker as much as the rest of a move.

use serde::{Deserialize, Serialize};

use crate::job::JobSpec;

/// Largest document in a record, in bytes of JSON; larger ones have their own stores.
pub const INLINE_BYTES_MAX: usize = 512;

/// The spec in a job's record, for services that hold no message of the job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InlineSpec {
    /// The spec, enriched by the ingester.
    pub spec: JobSpec,
    /// The deadline of the first round, from before records had their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_at_ms: Option<i64>,
    /// The trace context with which it was queued, as headers.
    pub context: Vec<(String, String)>,
}

/// Whether `document` is small enough for the record.
pub fn is_small<T: Serialize>(document: &T) -> bool {
    serde_json::to_vec(document).is_ok_and(|json| json.len() <= INLINE_BYTES_MAX)
}
