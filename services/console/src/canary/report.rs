//! What came of a canary.

use std::time::{Duration, Instant};

use contract::signals::canary;
use serde::Serialize;

use crate::store::TraceId;

/// One canary: its job and every check.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    /// When its checks were done.
    pub(crate) done: Instant,
    /// The canary's job, if the gateway took it.
    pub(crate) job: Option<Job>,
    /// In the order in which they are shown.
    pub(crate) checks: Vec<Check>,
}

/// The job of a canary.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) trace: TraceId,
}

/// One check and what came of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    /// One of `contract::signals::canary::CHECKS`.
    pub(crate) check: &'static str,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// Found this long after the job's end; for the job, its own time.
    Passed {
        seconds: f64,
        /// How, where there is more than one way.
        #[serde(skip_serializing_if = "Option::is_none")]
        how: Option<String>,
    },
    /// What is missing, and where.
    Failed { missing: String },
    /// There was nothing to look for.
    Skipped { why: &'static str },
}

impl Outcome {
    /// Found at last.
    pub(crate) fn passed(took: Duration, how: Option<String>) -> Self {
        // Polls are not more precise than milliseconds.
        Self::Passed { seconds: (took.as_secs_f64() * 1e3).round() / 1e3, how }
    }

    /// The word in labels.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Passed { .. } => canary::PASSED,
            Self::Failed { .. } => canary::FAILED,
            Self::Skipped { .. } => canary::SKIPPED,
        }
    }
}

impl Report {
    /// The checks that failed.
    pub(crate) fn failed(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.checks.iter().filter_map(|check| match &check.outcome {
            Outcome::Failed { missing } => Some((check.check, missing.as_str())),
            Outcome::Passed { .. } | Outcome::Skipped { .. } => None,
        })
    }
}
