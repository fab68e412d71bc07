//! What does not add up, counted, with the first examples of each.

use std::collections::BTreeMap;

use serde::Serialize;

/// Examples kept of each finding.
const EXAMPLES_MAX: usize = 10;

/// One finding: how many, and which.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// How many.
    pub count: usize,
    /// The first of them, for people.
    pub examples: Vec<String>,
}

/// What the ledger found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Jobs and events that were answered with 202.
    pub accepted: usize,
    /// Answers 202 that repeated an earlier one.
    pub accepted_again: usize,
    /// How the jobs ended, by state.
    pub ends: BTreeMap<String, usize>,
    /// Accepted, and nowhere.
    pub lost: Kept,
    /// Two jobs of one submission, two ends of one job, two ends told.
    pub effects_twice: Kept,
    /// Accepted, and without an end when all was quiet.
    pub without_end: Kept,
    /// Dead, and not made to be.
    pub innocent_dead: Kept,
    /// Another end, or another value, than the job had to have.
    pub wrong_end: Kept,
    /// Jobs whose owner wanted to be told and was not.
    pub notices_missing: Kept,
    /// Notices that came more than once, which they may.
    pub notices_repeated: usize,
    /// Jobs in the lab that nobody sent.
    pub strangers: Kept,
    /// Traces that were looked at in time.
    pub traces_checked: usize,
    /// Traces with a span that lacks its parent, or without their beginning or end.
    pub traces_incomplete: Kept,
    /// Incomplete traces that do not count, by the reason.
    pub traces_apart: BTreeMap<&'static str, usize>,
}

impl Kept {
    pub(super) fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example());
        }
    }
}

impl Findings {
    /// Everything that must be zero, by name.
    pub fn musts(&self) -> [(&'static str, &Kept); 8] {
        [
            ("lost", &self.lost),
            ("effects twice", &self.effects_twice),
            ("without a terminal state", &self.without_end),
            ("innocent dead", &self.innocent_dead),
            ("wrong end or value", &self.wrong_end),
            ("owners not told", &self.notices_missing),
            ("jobs that nobody sent", &self.strangers),
            ("traces incomplete", &self.traces_incomplete),
        ]
    }

    /// Whether all of it is zero.
    pub fn is_clean(&self) -> bool {
        self.musts().iter().all(|(_, kept)| kept.count == 0)
    }
}
