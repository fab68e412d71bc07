//! The id of a job: a UUIDv7, so that ids sort by creation time.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::{Builder, Uuid, Version};

/// A job's id. Sorts by time of creation; prints and parses as a lower-case UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Uuid", into = "Uuid")]
#[schema(
    value_type = String,
    format = "uuid",
    pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
)]
pub struct JobId(Uuid);

/// The text is not a job id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a job id is a UUID of version 7")]
pub struct NotAJobId;

impl JobId {
    /// Makes an id from the time since the Unix epoch and ten random bytes (RFC 9562, section 5.7).
    ///
    /// The time must be the broker's, so that ids sort correctly even if the services' clocks disagree.
    pub fn at(since_epoch: Duration, random: [u8; 10]) -> Self {
        let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Self(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// Milliseconds since the Unix epoch at which the id was made.
    pub fn unix_ms(self) -> u64 {
        let bytes = self.0.as_bytes();
        bytes[..6].iter().fold(0, |ms, byte| (ms << 8) | u64::from(*byte))
    }
}

impl TryFrom<Uuid> for JobId {
    type Error = NotAJobId;
    fn try_from(uuid: Uuid) -> Result<Self, NotAJobId> {
        match uuid.get_version() {
            Some(Version::SortRand) => Ok(Self(uuid)),
            _ => Err(NotAJobId),
        }
    }
}

impl From<JobId> for Uuid {
    fn from(id: JobId) -> Self {
        id.0
    }
}

impl FromStr for JobId {
    type Err = NotAJobId;
    fn from_str(text: &str) -> Result<Self, NotAJobId> {
        // Only the hyphenated form: one job must not have several spellings in URLs and keys.
        if text.len() != 36 {
            return Err(NotAJobId);
        }
        Uuid::try_parse(text).map_err(|_| NotAJobId)?.try_into()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(out)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_keep_it() {
        let early = JobId::at(Duration::from_millis(1_795_000_000_123), [255; 10]);
        let late = JobId::at(Duration::from_millis(1_795_000_000_124), [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.unix_ms(), 1_795_000_000_123);
    }

    #[test]
    fn only_the_one_spelling_of_a_version_7_uuid_is_an_id() {
        let id = JobId::at(Duration::from_millis(1), [7; 10]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().replace('-', "").parse::<JobId>(), Err(NotAJobId));
        assert_eq!("00000000-0000-4000-8000-000000000000".parse::<JobId>(), Err(NotAJobId));
        assert_eq!("../../etc".parse::<JobId>(), Err(NotAJobId));
    }
}
