//! What was seen of one job.

use std::collections::{BTreeMap, BTreeSet};

use contract::{api::JobView, record::JobRecord};

/// One job under one id.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Its ends: round, state, run and time. More than one in a round is an effect too many.
    pub(super) ends: BTreeSet<End>,
    /// Moves that came after an end of the same round.
    pub(super) afterwards: Vec<String>,
    /// How often each notice came, by `webhook-id` and run.
    pub(super) notices: BTreeMap<String, u32>,
    /// The job as the gateway answers it when all is over.
    pub(super) answer: Option<JobView>,
}

/// One end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct End {
    pub(super) round: u32,
    pub(super) state: &'static str,
    run: Option<String>,
    pub(super) finished_ms: Option<i64>,
}

impl Life {
    /// Notes a write of the record. True when it is the first end.
    pub(super) fn wrote(&mut self, record: &JobRecord) -> bool {
        if record.state.is_terminal() {
            let is_first = self.ends.is_empty();
            self.ends.insert(End {
                round: record.round,
                state: record.state.name(),
                run: record.run.clone(),
                finished_ms: record.times.finished_ms,
            });
            return is_first;
        }
        if let Some(end) = self.ends.iter().find(|end| end.round == record.round) {
            self.afterwards.push(format!("{} after {}", record.state, end.state));
        }
        false
    }

    pub(super) fn told(&mut self, effect: String) {
        *self.notices.entry(effect).or_default() += 1;
    }

    pub(super) fn has_ended(&self) -> bool {
        !self.ends.is_empty()
    }

    pub(super) fn is_told(&self) -> bool {
        !self.notices.is_empty()
    }

    /// What says that the job took effect more than once.
    pub(super) fn doubles(&self) -> Option<String> {
        let mut rounds = BTreeSet::new();
        if !self.ends.iter().all(|end| rounds.insert(end.round)) {
            return Some(format!("ended more than once: {:?}", self.ends));
        }
        if let Some(moved) = self.afterwards.first() {
            return Some(format!("moved after its end: {moved}"));
        }
        if self.notices.len() > self.ends.len().max(1) {
            let told: Vec<_> = self.notices.keys().collect();
            return Some(format!("its owner was told of more than one end: {told:?}"));
        }
        let answer = self.answer.as_ref()?;
        let end = self.ends.last()?;
        let says = (answer.state.name(), answer.times.finished_ms);
        if says != (end.state, end.finished_ms) {
            return Some(format!("ended as {end:?}, and is answered as {says:?}"));
        }
        let results = answer.results.as_ref().map(Vec::len);
        let asked = usize::try_from(answer.operations).ok();
        (results.is_some() && results != asked)
            .then(|| format!("{results:?} results of {asked:?} operations"))
    }

    /// Notices that only repeat what was told.
    pub(super) fn repeats(&self) -> usize {
        self.notices.values().map(|times| *times as usize - 1).sum()
    }
}
