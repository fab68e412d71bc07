//! The stored form of a record: JSON with a schema version and a size limit. Unknown fields survive older versions.

use serde::Deserialize;
use serde_json::Value;

use super::{InlineSpec, JobRecord, Progress};
use crate::{JobId, result::OperationResult, unknown_fields::UnknownFields};

/// Largest record, in bytes, read or written. The bucket's own limit is slightly higher, but its error says nothing.
pub const RECORD_BYTES_MAX: usize = 3_584;
/// Bytes reserved in a record until its job ends, for the failure or the results.
pub const RECORD_END_ROOM: usize = 768;
/// Schema version of the records that this version writes, and the highest that it can read.
///
/// Raise it for a change that older services must not touch: a new state, or a new meaning of a field. A field that
/// they may keep without knowing it needs no new version. See ADR 0014.
pub const RECORD_VERSION: u32 = 1;

/// The version of a record without a version.
pub(super) const fn first_version() -> u32 {
    1
}

/// Why stored bytes are not a record that this version can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A newer version wrote the record.
    #[error(
        "a newer version wrote the job record: its schema version is {0}, this service knows up to {RECORD_VERSION}"
    )]
    Newer(u32),
    /// No version can read it.
    #[error("the job record is damaged: {0}")]
    Damaged(String),
}

/// The part of a record that every version can read.
#[derive(Deserialize)]
struct Head {
    #[serde(default = "first_version")]
    version: u32,
}

impl JobRecord {
    /// Reads the record stored under the key `job`. Unknown fields are kept for the next write.
    pub fn from_json(job: JobId, json: &[u8]) -> Result<Self, Unreadable> {
        let damaged = |why: String| match serde_json::from_slice(json) {
            Ok(Head { version }) if version > RECORD_VERSION => Unreadable::Newer(version),
            _ => Unreadable::Damaged(why),
        };
        if json.len() > RECORD_BYTES_MAX {
            let why = format!("{} bytes, more than {RECORD_BYTES_MAX}", json.len());
            return Err(damaged(why));
        }
        let read =
            serde_json::from_slice::<Self>(json).or_else(|error| readable_part(json).ok_or(error));
        let mut record = read.map_err(|error| damaged(error.to_string()))?;
        if record.version > RECORD_VERSION {
            return Err(Unreadable::Newer(record.version));
        }
        if record.id != job {
            return Err(damaged(format!("its id is that of job {}", record.id)));
        }
        record.unknown = UnknownFields::of(json, &record);
        record.version = RECORD_VERSION;
        Ok(record)
    }

    /// Size limit of the record in its state, in bytes. Until the job ends, [`RECORD_END_ROOM`] is reserved.
    pub fn bytes_max(&self) -> usize {
        if self.state.is_terminal() { RECORD_BYTES_MAX } else { RECORD_BYTES_MAX - RECORD_END_ROOM }
    }

    /// The record as JSON, unknown fields included.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        self.unknown.write(self)
    }
}

/// The record without the parts that name operations this version does not know. No decision needs those parts, and
/// they are kept like any unknown field.
fn readable_part(json: &[u8]) -> Option<JobRecord> {
    let mut record: Value = serde_json::from_slice(json).ok()?;
    let members = record.as_object_mut()?;
    let is_readable = |name: &str, value: &Value| match name {
        "asked" => InlineSpec::deserialize(value).is_ok(),
        "results" => Vec::<OperationResult>::deserialize(value).is_ok(),
        "progress" => Progress::deserialize(value).is_ok(),
        _ => true,
    };
    members.retain(|name, value| is_readable(name, value));
    JobRecord::deserialize(record).ok()
}

#[cfg(test)]
mod tests;
