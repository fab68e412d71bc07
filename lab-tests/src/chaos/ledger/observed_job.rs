//! The observations of one job.

use std::collections::{BTreeMap, BTreeSet};

use contract::{api::JobView, record::JobRecord};

/// The observations of the job with one id.
#[derive(Debug, Default)]
pub(super) struct ObservedJob {
    /// Writes with a terminal state. More than one per round is a duplicate effect.
    pub(super) ends: BTreeSet<TerminalWrite>,
    /// State changes after a terminal state of the same round.
    pub(super) changes_after_end: Vec<String>,
    /// Count of each notification, by `webhook-id` and run.
    pub(super) notifications: BTreeMap<String, u32>,
    /// The job according to the gateway at the end of the run.
    pub(super) view: Option<JobView>,
}

/// A write with a terminal state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TerminalWrite {
    pub(super) round: u32,
    pub(super) state: &'static str,
    run: Option<String>,
    pub(super) finished_ms: Option<i64>,
}

impl ObservedJob {
    /// Records a write. True if it is the first with a terminal state.
    pub(super) fn record_write(&mut self, record: &JobRecord) -> bool {
        if record.state.is_terminal() {
            let is_first = self.ends.is_empty();
            self.ends.insert(TerminalWrite {
                round: record.round,
                state: record.state.name(),
                run: record.run.clone(),
                finished_ms: record.times.finished_ms,
            });
            return is_first;
        }
        if let Some(end) = self.ends.iter().find(|end| end.round == record.round) {
            self.changes_after_end.push(format!("{} after {}", record.state, end.state));
        }
        false
    }

    pub(super) fn notified(&mut self, effect: String) {
        *self.notifications.entry(effect).or_default() += 1;
    }

    pub(super) fn has_ended(&self) -> bool {
        !self.ends.is_empty()
    }

    pub(super) fn is_notified(&self) -> bool {
        !self.notifications.is_empty()
    }

    /// Evidence that the job took effect more than once.
    pub(super) fn duplicate_effect(&self) -> Option<String> {
        let mut rounds = BTreeSet::new();
        if !self.ends.iter().all(|end| rounds.insert(end.round)) {
            return Some(format!("ended more than once: {:?}", self.ends));
        }
        if let Some(change) = self.changes_after_end.first() {
            return Some(format!("changed state after its end: {change}"));
        }
        if self.notifications.len() > self.ends.len().max(1) {
            let effects: Vec<_> = self.notifications.keys().collect();
            return Some(format!("notifications of more than one end: {effects:?}"));
        }
        let view = self.view.as_ref()?;
        let end = self.ends.last()?;
        let returned = (view.state.name(), view.times.finished_ms);
        if returned != (end.state, end.finished_ms) {
            return Some(format!("ended as {end:?}, but the gateway returns {returned:?}"));
        }
        let results = view.results.as_ref().map(Vec::len);
        let expected = usize::try_from(view.operations).ok();
        (results.is_some() && results != expected)
            .then(|| format!("{results:?} results of {expected:?} operations"))
    }

    /// Number of repeated notifications.
    pub(super) fn repeats(&self) -> usize {
        self.notifications.values().map(|times| *times as usize - 1).sum()
    }
}
