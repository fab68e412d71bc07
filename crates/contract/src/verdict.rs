//! What came of one attempt: the one word that log line, metric, span and broker reply share.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What came of one attempt at handling a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Handled; the next hop has it.
    Done,
    /// Not now: comes again, later.
    Retry,
    /// Bad for good: to the dead letters, at the first attempt.
    Reject,
    /// Attempts or interruptions used up: to the dead letters.
    Dead,
    /// Not for this lab: dropped and counted.
    Discard,
    /// Another worker owns the job: not a word to the broker.
    Fenced,
    /// The worker went away in the middle; said by whoever found that out.
    Lost,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::Retry,
        Self::Reject,
        Self::Dead,
        Self::Discard,
        Self::Fenced,
        Self::Lost,
    ];

    /// The verdict as it stands in spans and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry => "retry",
            Self::Reject => "reject",
            Self::Dead => "dead",
            Self::Discard => "discard",
            Self::Fenced => "fenced",
            Self::Lost => "lost",
        }
    }

    /// Whether the attempt's span is an error.
    pub const fn is_error(self) -> bool {
        !matches!(self, Self::Done | Self::Discard)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
