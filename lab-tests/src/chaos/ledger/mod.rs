//! The independent ledger: what was promised, what was seen, and what does not add up.
//!
//! It knows nothing of the lab's insides. Promises are answers 202; what came of them is told by the
//! job's owner (notices), by the gateway (the job as it answers it in the end) and by the job's record,
//! followed write by write. Jobs are found by their names, so that a job that was made twice has nowhere to hide.

mod findings;
mod judge;
mod life;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use contract::{JobId, api::JobView, record::JobRecord};

pub use findings::{Findings, Kept};
use life::Life;

/// How a job must end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expected {
    /// With results; the value of the only operation, where it is known.
    Succeeded(Option<f64>),
    /// As asked: without success.
    Failed,
    /// In the dead letters: it was made to be poison.
    Dead,
}

/// What a look at a job's trace said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceVerdict {
    /// No span lacks its parent, from the request to the notice.
    Complete,
    /// It does not add up, and nothing excuses it.
    Broken(String),
    /// It does not add up, or is not there, for a reason that was counted elsewhere.
    Apart(&'static str),
}

/// All jobs of a run. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Tally>>);

#[derive(Debug, Default)]
struct Tally {
    pages: BTreeMap<String, Page>,
    names: BTreeMap<JobId, String>,
    strangers: BTreeSet<String>,
    early_notices: Vec<(JobId, String)>,
    finished: usize,
}

/// One job as it was promised.
#[derive(Debug)]
struct Page {
    expected: Expected,
    notified: bool,
    sent_ms: i64,
    promised: bool,
    repeats: u32,
    lives: BTreeMap<JobId, Life>,
    trace: Option<TraceVerdict>,
}

impl Ledger {
    /// A job is about to be sent, at this moment (Unix milliseconds).
    pub fn sending(&self, name: &str, expected: Expected, notified: bool, sent_ms: i64) {
        let lives = BTreeMap::new();
        let page =
            Page { expected, notified, sent_ms, promised: false, repeats: 0, lives, trace: None };
        self.lock().pages.entry(name.to_owned()).or_insert(page);
    }

    /// The gateway answered 202, with this id unless it was a raw event.
    pub fn promised(&self, name: &str, id: Option<JobId>) {
        let mut tally = self.lock();
        let Some(page) = tally.pages.get_mut(name) else { return };
        page.repeats += u32::from(page.promised);
        page.promised = true;
        if let Some(id) = id {
            page.lives.entry(id).or_default();
            tally.names.insert(id, name.to_owned());
        }
    }

    /// A write to a job's record. True when it is the first that ends the job.
    pub fn wrote(&self, record: &JobRecord) -> bool {
        let mut tally = self.lock();
        tally.names.insert(record.id, record.name.clone());
        let Some(page) = tally.pages.get_mut(&record.name) else {
            tally.strangers.insert(record.name.clone());
            return false;
        };
        let ended = page.lives.entry(record.id).or_default().wrote(record);
        tally.finished += usize::from(ended);
        ended
    }

    /// The owner was told, by a notice with this `webhook-id` about this run.
    pub fn told(&self, id: JobId, webhook_id: &str, run: &str) {
        let effect = format!("{webhook_id} {run}");
        let mut tally = self.lock();
        match tally.names.get(&id).cloned().and_then(|name| tally.pages.get_mut(&name)) {
            Some(page) => page.lives.entry(id).or_default().told(effect),
            // The notice was faster than the record's news; judged at the end.
            None => tally.early_notices.push((id, effect)),
        }
    }

    /// What the gateway says of a job when all is over; `None` when it does not know it.
    pub fn answered(&self, id: JobId, view: Option<JobView>) {
        let mut tally = self.lock();
        let Some(name) = tally.names.get(&id).cloned() else { return };
        if let Some(life) = tally.pages.get_mut(&name).and_then(|page| page.lives.get_mut(&id)) {
            life.answer = view;
        }
    }

    /// What a look at the trace of a job said.
    pub fn traced(&self, name: &str, verdict: TraceVerdict) {
        if let Some(page) = self.lock().pages.get_mut(name) {
            page.trace = Some(verdict);
        }
    }

    /// Every job that is known, by id.
    pub fn jobs(&self) -> Vec<JobId> {
        self.lock().names.keys().copied().collect()
    }

    /// When a job was sent.
    pub fn sent_ms(&self, name: &str) -> Option<i64> {
        self.lock().pages.get(name).map(|page| page.sent_ms)
    }

    /// Jobs that have ended.
    pub fn finished(&self) -> usize {
        self.lock().finished
    }

    /// Whether the job of this name has ended.
    pub fn has_ended(&self, name: &str) -> bool {
        let tally = self.lock();
        tally.pages.get(name).is_some_and(|page| page.lives.values().any(Life::has_ended))
    }

    /// Names of promised jobs that have no end yet.
    pub fn open(&self) -> Vec<String> {
        self.unsettled(|page| !page.lives.values().any(Life::has_ended))
    }

    /// Names of promised jobs whose owner has not been told yet.
    pub fn untold(&self) -> Vec<String> {
        self.lock().settle_early();
        self.unsettled(|page| page.notified && !page.lives.values().any(Life::is_told))
    }

    /// What does not add up.
    pub fn judge(&self) -> Findings {
        let mut tally = self.lock();
        tally.settle_early();
        judge::judge(&tally)
    }

    fn unsettled(&self, is_open: impl Fn(&Page) -> bool) -> Vec<String> {
        let tally = self.lock();
        let open = tally.pages.iter().filter(|(_, page)| page.promised && is_open(page));
        open.map(|(name, _)| name.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn settle_early(&mut self) {
        for (id, effect) in std::mem::take(&mut self.early_notices) {
            let name = self.names.get(&id).cloned();
            match name.and_then(|name| self.pages.get_mut(&name)) {
                Some(page) => page.lives.entry(id).or_default().told(effect),
                None => self.early_notices.push((id, effect)),
            }
        }
    }
}
