//! Who submitted a job: a client, or the lab itself. Lists leave the lab's own jobs out unless asked.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who submitted a job. It is a label for lists and gives no right to anything: a client that calls its jobs
/// the lab's own hides them from lists that do not ask for these, and from nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", from = "String")]
pub enum JobSource {
    /// Somebody who uses the lab.
    #[default]
    Client,
    /// The trickle of small random jobs that keeps pages lively.
    Trickle,
    /// The console's canary.
    Canary,
}

/// Says that a text names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of client, trickle, canary")]
pub struct NotASource;

impl JobSource {
    /// Every source.
    pub const ALL: [Self; 3] = [Self::Client, Self::Trickle, Self::Canary];

    /// The source as it stands in JSON and headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Trickle => "trickle",
            Self::Canary => "canary",
        }
    }

    /// Whether it is the default, which records leave out.
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
    /// A source that only a newer service knows counts as a client: its jobs are shown.
    fn from(text: String) -> Self {
        text.parse().unwrap_or_default()
    }
}
