//! The result of one check.

use std::borrow::Cow;

use serde::Serialize;

use crate::terminal::{BAD, DIM, GOOD, WARNING};

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct DoctorCheck {
    pub(super) name: Cow<'static, str>,
    pub(super) status: CheckStatus,
    /// What was found.
    pub(super) found: String,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

/// The status of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CheckStatus {
    /// No problem.
    Ok,
    /// A problem that does not keep a lab from running.
    Note,
    /// A problem that keeps the lab from running.
    Failed,
    /// Not available on this system.
    Skipped,
}

impl CheckStatus {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }

    pub(super) const fn style(self) -> anstyle::Style {
        match self {
            Self::Ok => GOOD,
            Self::Note => WARNING,
            Self::Failed => BAD,
            Self::Skipped => DIM,
        }
    }
}

impl DoctorCheck {
    /// No problem.
    pub(super) fn ok(name: impl Into<Cow<'static, str>>, found: impl Into<String>) -> Self {
        Self { name: name.into(), status: CheckStatus::Ok, found: found.into(), advice: None }
    }

    /// Not available on this system.
    pub(super) fn skipped(name: impl Into<Cow<'static, str>>, why: impl Into<String>) -> Self {
        Self { status: CheckStatus::Skipped, ..Self::ok(name, why) }
    }

    /// A problem that does not keep a lab from running.
    pub(super) fn note(
        name: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { status: CheckStatus::Note, advice: Some(advice.into()), ..Self::ok(name, found) }
    }

    /// A problem that keeps the lab from running.
    pub(super) fn failed(
        name: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { status: CheckStatus::Failed, ..Self::note(name, found, advice) }
    }

    /// Turns a failure into a note: for the lab that is not wanted.
    pub(super) fn demoted(mut self) -> Self {
        if self.status == CheckStatus::Failed {
            self.status = CheckStatus::Note;
        }
        self
    }
}
