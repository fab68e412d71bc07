//! The submitter of a job: a client, or the lab itself. Lists contain the lab's own jobs only on request.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who submitted a job. It only filters lists and grants no rights: a client that claims another source merely hides
/// its jobs from the default list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", from = "String")]
pub enum JobSource {
    /// A client of the lab.
    #[default]
    Client,
    /// The built-in trickle of small random jobs.
    Trickle,
    /// The console's canary.
    Canary,
}

/// The text is not a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of client, trickle, canary")]
pub struct NotASource;

impl JobSource {
    /// Every source.
    pub const ALL: [Self; 3] = [Self::Client, Self::Trickle, Self::Canary];

    /// The source's name in JSON and headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Trickle => "trickle",
            Self::Canary => "canary",
        }
    }

    /// Whether the source is the default, which records leave out.
    pub fn is_client(&self) -> bool {
        *self == Self::Client
    }
}

impl FromStr for JobSource {
    type Err = NotASource;

    fn from_str(text: &str) -> Result<Self, NotASource> {
        Self::ALL.into_iter().find(|source| source.name() == text).ok_or(NotASource)
    }
}

impl From<String> for JobSource {
    /// An unknown source, of a newer version, counts as a client, so that its jobs are listed.
    fn from(text: String) -> Self {
        text.parse().unwrap_or_default()
    }
}
