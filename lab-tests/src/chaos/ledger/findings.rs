//! Violations, counted, with the first examples of each.

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
    /// Repeated 202s.
    pub accepted_again: usize,
    /// Number of jobs by terminal state.
    pub ends: BTreeMap<String, usize>,
    /// Accepted, but unknown to the lab.
    pub lost: Violations,
    /// Two jobs of one submission, two ends of one job, or notifications of two ends.
    pub effects_twice: Violations,
    /// Accepted, but not in a terminal state at the end.
    pub without_end: Violations,
    /// Dead, although not poisoned.
    pub innocent_dead: Violations,
    /// Another outcome or value than expected.
    pub wrong_end: Violations,
    /// Jobs without the requested notification.
    #[serde(rename = "notices_missing")]
    pub notifications_missing: Violations,
    /// Repeated notifications, which are allowed.
    #[serde(rename = "notices_repeated")]
    pub notifications_repeated: usize,
    /// Jobs in the lab that the harness did not send.
    pub strangers: Violations,
    /// Traces that were checked in time.
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
            ("effects twice", &self.effects_twice),
            ("without a terminal state", &self.without_end),
            ("innocent dead", &self.innocent_dead),
            ("wrong outcome or value", &self.wrong_end),
            ("submitters not notified", &self.notifications_missing),
            ("unknown jobs", &self.strangers),
            ("traces incomplete", &self.traces_incomplete),
        ]
    }

    /// Whether there are no violations.
    pub fn is_clean(&self) -> bool {
        self.violations().iter().all(|(_, found)| found.count == 0)
    }
}
