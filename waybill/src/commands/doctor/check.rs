//! One thing that was checked.

use std::borrow::Cow;

use serde::Serialize;

use crate::terminal::{BAD, DIM, GOOD, WARNING};

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) name: Cow<'static, str>,
    pub(super) status: Status,
    /// What was found, in a few words.
    pub(super) found: String,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// A lab runs all the same.
    Note,
    /// Without it the lab does not run.
    Failed,
    /// This system does not tell.
    Skipped,
}

impl Status {
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

impl Check {
    /// As it should be.
    pub(super) fn ok(name: impl Into<Cow<'static, str>>, found: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Ok, found: found.into(), advice: None }
    }

    /// This system does not tell.
    pub(super) fn skipped(name: impl Into<Cow<'static, str>>, why: impl Into<String>) -> Self {
        Self { status: Status::Skipped, ..Self::ok(name, why) }
    }

    /// Not as it should be, and a lab runs all the same.
    pub(super) fn note(
        name: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { status: Status::Note, advice: Some(advice.into()), ..Self::ok(name, found) }
    }

    /// Without it the lab does not run.
    pub(super) fn failed(
        name: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { status: Status::Failed, ..Self::note(name, found, advice) }
    }

    /// What keeps one lab from running is worth a word only where the other is wanted.
    pub(super) fn demoted(mut self) -> Self {
        if self.status == Status::Failed {
            self.status = Status::Note;
        }
        self
    }
}
