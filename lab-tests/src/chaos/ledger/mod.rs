//! The ledger of a chaos run: accepted jobs, observed jobs, and the violations.
//!
//! It uses no internals of the lab. It compares the 202 responses with the notifications, with the job as the
//! gateway returns it at the end, and with every write to the job's record. Jobs are identified by name, so that a
//! duplicate under another id is detected.

mod compare;
mod findings;
mod observed_job;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use contract::{JobId, api::JobView, record::JobRecord};

pub use findings::{Findings, Violations};
use observed_job::ObservedJob;

/// The expected outcome of a job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expected {
    /// Success, with the value of the only operation, if known.
    Succeeded(Option<f64>),
    /// Failure, as specified.
    Failed,
    /// Dead-lettered: every run fails or aborts.
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
    submissions: BTreeMap<String, Submission>,
    names: BTreeMap<JobId, String>,
    unknown_jobs: BTreeSet<String>,
    early_notifications: Vec<(JobId, String)>,
    finished: usize,
}

/// One submission and everything observed of it.
#[derive(Debug)]
struct Submission {
    expected: Expected,
    expects_notification: bool,
    sent_ms: i64,
    accepted: bool,
    repeats: u32,
    jobs: BTreeMap<JobId, ObservedJob>,
    trace: Option<TraceVerdict>,
}

impl Ledger {
    /// Records that a job is about to be sent, at this time (Unix milliseconds).
    pub fn submitting(
        &self,
        name: &str,
        expected: Expected,
        expects_notification: bool,
        sent_ms: i64,
    ) {
        let jobs = BTreeMap::new();
        let submission = Submission {
            expected,
            expects_notification,
            sent_ms,
            accepted: false,
            repeats: 0,
            jobs,
            trace: None,
        };
        self.lock().submissions.entry(name.to_owned()).or_insert(submission);
    }

    /// Records a 202 response; a raw event's has no id.
    pub fn accepted(&self, name: &str, id: Option<JobId>) {
        let mut tally = self.lock();
        let Some(submission) = tally.submissions.get_mut(name) else { return };
        submission.repeats += u32::from(submission.accepted);
        submission.accepted = true;
        if let Some(id) = id {
            submission.jobs.entry(id).or_default();
            tally.names.insert(id, name.to_owned());
        }
    }

    /// Records a write to a job's record. True if it is the first with a terminal state.
    pub fn record_write(&self, record: &JobRecord) -> bool {
        let mut tally = self.lock();
        tally.names.insert(record.id, record.name.clone());
        let Some(submission) = tally.submissions.get_mut(&record.name) else {
            tally.unknown_jobs.insert(record.name.clone());
            return false;
        };
        let ended = submission.jobs.entry(record.id).or_default().record_write(record);
        tally.finished += usize::from(ended);
        ended
    }

    /// Records a notification with this `webhook-id` about this run.
    pub fn notified(&self, id: JobId, webhook_id: &str, run: &str) {
        let effect = format!("{webhook_id} {run}");
        let mut tally = self.lock();
        match tally.names.get(&id).cloned().and_then(|name| tally.submissions.get_mut(&name)) {
            Some(submission) => submission.jobs.entry(id).or_default().notified(effect),
            // The notification arrived before the write to the record: matched at the end.
            None => tally.early_notifications.push((id, effect)),
        }
    }

    /// Records the job according to the gateway at the end of the run; `None` if it does not know the job.
    pub fn final_view(&self, id: JobId, view: Option<JobView>) {
        let mut tally = self.lock();
        let Some(name) = tally.names.get(&id).cloned() else { return };
        if let Some(job) =
            tally.submissions.get_mut(&name).and_then(|submission| submission.jobs.get_mut(&id))
        {
            job.view = view;
        }
    }

    /// Records the result of checking the trace of a job.
    pub fn trace_checked(&self, name: &str, verdict: TraceVerdict) {
        if let Some(submission) = self.lock().submissions.get_mut(name) {
            submission.trace = Some(verdict);
        }
    }

    /// The ids of all known jobs.
    pub fn jobs(&self) -> Vec<JobId> {
        self.lock().names.keys().copied().collect()
    }

    /// When a job was sent.
    pub fn sent_ms(&self, name: &str) -> Option<i64> {
        self.lock().submissions.get(name).map(|submission| submission.sent_ms)
    }

    /// Jobs that have ended.
    pub fn finished(&self) -> usize {
        self.lock().finished
    }

    /// Whether the job of this name has ended.
    pub fn has_ended(&self, name: &str) -> bool {
        let tally = self.lock();
        tally
            .submissions
            .get(name)
            .is_some_and(|submission| submission.jobs.values().any(ObservedJob::has_ended))
    }

    /// Names of accepted jobs that have not ended.
    pub fn open(&self) -> Vec<String> {
        self.unsettled(|submission| !submission.jobs.values().any(ObservedJob::has_ended))
    }

    /// Names of accepted jobs without the requested notification.
    pub fn not_notified(&self) -> Vec<String> {
        self.lock().match_early_notifications();
        self.unsettled(|submission| {
            submission.expects_notification
                && !submission.jobs.values().any(ObservedJob::is_notified)
        })
    }

    /// Compares everything recorded.
    pub fn findings(&self) -> Findings {
        let mut tally = self.lock();
        tally.match_early_notifications();
        compare::findings(&tally)
    }

    fn unsettled(&self, is_open: impl Fn(&Submission) -> bool) -> Vec<String> {
        let tally = self.lock();
        let open = tally
            .submissions
            .iter()
            .filter(|(_, submission)| submission.accepted && is_open(submission));
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
            match name.and_then(|name| self.submissions.get_mut(&name)) {
                Some(submission) => submission.jobs.entry(id).or_default().notified(effect),
                None => self.early_notifications.push((id, effect)),
            }
        }
    }
}
