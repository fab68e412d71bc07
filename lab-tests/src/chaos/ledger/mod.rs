//! The independent ledger: what was accepted, what was observed, and the violations.
//!
//! It uses no internals of the lab. It compares the 202 responses with the notifications, with the job as the
//! gateway returns it at the end, and with every write to the job's record. Jobs are identified by name, so that a
//! duplicate under another id is detected.

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

pub use findings::{Findings, Violations};
use life::Life;

/// The expected outcome of a job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expected {
    /// Success, with the value of the only operation, if known.
    Succeeded(Option<f64>),
    /// Failure, as specified.
    Failed,
    /// Dead-lettered: it was poisoned.
    Dead,
}

/// The result of checking a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceVerdict {
    /// No parent is missing, from the request to the notification.
    Complete,
    /// Incomplete, without an excuse.
    Broken(String),
    /// Incomplete or missing, for a known reason.
    Excused(&'static str),
}

/// All jobs of a run. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Tally>>);

#[derive(Debug, Default)]
struct Tally {
    pages: BTreeMap<String, Page>,
    names: BTreeMap<JobId, String>,
    strangers: BTreeSet<String>,
    early_notifications: Vec<(JobId, String)>,
    finished: usize,
}

/// One submission.
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
    /// Records that a job is about to be sent, at this time (Unix milliseconds).
    pub fn sending(&self, name: &str, expected: Expected, notified: bool, sent_ms: i64) {
        let lives = BTreeMap::new();
        let page =
            Page { expected, notified, sent_ms, promised: false, repeats: 0, lives, trace: None };
        self.lock().pages.entry(name.to_owned()).or_insert(page);
    }

    /// Records a 202, with this id unless it was a raw event.
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

    /// Records a write to a job's record. True if it is the first that ends the job.
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

    /// Records a notification with this `webhook-id` about this run.
    pub fn notified(&self, id: JobId, webhook_id: &str, run: &str) {
        let effect = format!("{webhook_id} {run}");
        let mut tally = self.lock();
        match tally.names.get(&id).cloned().and_then(|name| tally.pages.get_mut(&name)) {
            Some(page) => page.lives.entry(id).or_default().notified(effect),
            // The notification arrived before the write to the record: matched at the end.
            None => tally.early_notifications.push((id, effect)),
        }
    }

    /// Records the job according to the gateway at the end of the run; `None` if it does not know the job.
    pub fn queried(&self, id: JobId, view: Option<JobView>) {
        let mut tally = self.lock();
        let Some(name) = tally.names.get(&id).cloned() else { return };
        if let Some(life) = tally.pages.get_mut(&name).and_then(|page| page.lives.get_mut(&id)) {
            life.view = view;
        }
    }

    /// Records the result of checking the trace of a job.
    pub fn traced(&self, name: &str, verdict: TraceVerdict) {
        if let Some(page) = self.lock().pages.get_mut(name) {
            page.trace = Some(verdict);
        }
    }

    /// The ids of all known jobs.
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

    /// Names of accepted jobs that have not ended.
    pub fn open(&self) -> Vec<String> {
        self.unsettled(|page| !page.lives.values().any(Life::has_ended))
    }

    /// Names of accepted jobs without the requested notification.
    pub fn not_notified(&self) -> Vec<String> {
        self.lock().match_early_notifications();
        self.unsettled(|page| page.notified && !page.lives.values().any(Life::is_notified))
    }

    /// Compares everything recorded.
    pub fn findings(&self) -> Findings {
        let mut tally = self.lock();
        tally.match_early_notifications();
        judge::findings(&tally)
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
    fn match_early_notifications(&mut self) {
        for (id, effect) in std::mem::take(&mut self.early_notifications) {
            let name = self.names.get(&id).cloned();
            match name.and_then(|name| self.pages.get_mut(&name)) {
                Some(page) => page.lives.entry(id).or_default().notified(effect),
                None => self.early_notifications.push((id, effect)),
            }
        }
    }
}
