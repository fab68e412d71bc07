//! The verdict on an attempt, shared by log line, metric, span and broker reply.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an attempt at handling a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Handled; the next stage has the job.
    Done,
    /// Requeued or postponed: the message is redelivered later.
    Retry,
    /// Invalid: dead-lettered at the first attempt.
    Reject,
    /// Attempts or interruptions used up: dead-lettered.
    Dead,
    /// Not for this lab: dropped and counted.
    Discard,
    /// Another worker holds the lease: neither ack, nak nor term.
    Fenced,
    /// The worker was lost during the attempt; reported by the process that takes over.
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

    /// The verdict's name in spans and labels.
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
