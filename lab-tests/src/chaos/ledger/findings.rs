//! The findings of the ledger: counts of violations with examples.

use std::collections::BTreeMap;

use serde::Serialize;

/// Examples kept of each finding.
const EXAMPLES_MAX: usize = 10;

/// One kind of violation: count and examples.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Violations {
    /// Number of violations.
    pub count: usize,
    /// The first of them, as text.
    pub examples: Vec<String>,
}

/// The findings of the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Jobs and events with a 202.
    pub accepted: usize,
    /// Jobs and events with more than one 202.
    #[serde(rename = "accepted_again")]
    pub accepted_repeatedly: usize,
    /// Number of jobs by terminal state.
    pub ends: BTreeMap<String, usize>,
    /// Accepted, but the lab does not know it.
    pub lost: Violations,
    /// Two jobs of one submission, two outcomes of one job, or notifications of two outcomes.
    #[serde(rename = "effects_twice")]
    pub duplicate_effects: Violations,
    /// Accepted, but not in a terminal state at the end of the run.
    #[serde(rename = "without_end")]
    pub not_terminal: Violations,
    /// Dead, although another outcome was expected.
    #[serde(rename = "innocent_dead")]
    pub unexpectedly_dead: Violations,
    /// Another outcome or value than expected.
    #[serde(rename = "wrong_end")]
    pub wrong_outcome: Violations,
    /// Jobs without the requested notification.
    #[serde(rename = "notices_missing")]
    pub notifications_missing: Violations,
    /// Repeated notifications, which are allowed.
    #[serde(rename = "notices_repeated")]
    pub notifications_repeated: usize,
    /// Jobs in the lab that the harness did not send.
    #[serde(rename = "strangers")]
    pub unknown_jobs: Violations,
    /// Traces that were checked while the console had them.
    pub traces_checked: usize,
    /// Traces without a parent, the root or the notifier's span.
    pub traces_incomplete: Violations,
    /// Excused incomplete traces, by reason.
    #[serde(rename = "traces_apart")]
    pub traces_excused: BTreeMap<&'static str, usize>,
}

impl Violations {
    pub(super) fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example());
        }
    }
}

impl Findings {
    /// The violations, by name; all counts must be zero.
    pub fn violations(&self) -> [(&'static str, &Violations); 8] {
        [
            ("lost", &self.lost),
            ("duplicate effects", &self.duplicate_effects),
            ("without a terminal state", &self.not_terminal),
            ("unexpectedly dead", &self.unexpectedly_dead),
            ("wrong outcome or value", &self.wrong_outcome),
            ("submitters not notified", &self.notifications_missing),
            ("unknown jobs", &self.unknown_jobs),
            ("traces incomplete", &self.traces_incomplete),
        ]
    }

    /// Whether there are no violations.
    pub fn is_clean(&self) -> bool {
        self.violations().iter().all(|(_, found)| found.count == 0)
    }
}
