//! Cancelling: a job that waits ends at once; one that runs is marked, and its worker ends it.
//!
//! Either way one compare-and-set decides. Once it is done the job can only end as cancelled.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use contract::{
    JobId,
    record::{JobFailure, JobRecord, MoveForbidden},
    signals::reason,
    state::{JobState, Outcome},
    topology,
};
use futures_util::StreamExt as _;
use tokio::sync::Notify;

use crate::{
    Bus, Completion, RecordSession, SessionError,
    records::{Entry, RecordError},
    staleness::unwritten_for,
};

/// Why a job was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// No such job is known.
    #[error("the job is not known")]
    Unknown,
    /// It has ended, in this state.
    #[error("the job is {0}")]
    Ended(JobState),
    /// It entered a new round while it was looked at.
    #[error("the job has just been started again")]
    Restarted,
    /// Its record could not be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Ack waits after which a running job whose record has not moved has no live worker: a worker writes the record every
/// third of one, and one that is lost is replaced after one.
pub const ABANDONED_ACK_WAITS: u32 = 2;

impl Bus {
    /// Cancels `job` and answers its record: `cancelled`, or `running` with a cancel that its worker
    /// will find there. Asking again for a running job changes nothing.
    ///
    /// A running job whose record has not moved for [`ABANDONED_ACK_WAITS`] has no live worker and ends at once.
    pub async fn cancel(&self, job: JobId) -> Result<JobRecord, CancelError> {
        let entry = self.records.load(job).await?.ok_or(CancelError::Unknown)?;
        if let Some(record) = self.end_abandoned(&entry).await? {
            return Ok(record);
        }
        let session = RecordSession::shared(self.records.clone(), entry);
        let completion = Completion::cancelled("cancelled before it ran");
        let finished_ms = self.service.clock.stamp_ms();
        let change = |record: &mut JobRecord| {
            if record.state == JobState::Running {
                record.cancel_requested = true;
                return Ok(());
            }
            completion.write(record, finished_ms)
        };
        let record = match session.change(change).await {
            Ok(record) => record,
            Err(SessionError::Forbidden(MoveForbidden { from, .. })) => {
                return Err(CancelError::Ended(from));
            }
            Err(SessionError::Fenced) => return Err(CancelError::Restarted),
            Err(SessionError::Record(error)) => return Err(error.into()),
        };
        if record.state == JobState::Running {
            self.call_worker(job).await;
        } else {
            self.count_end(&record);
        }
        Ok(record)
    }

    async fn end_abandoned(&self, entry: &Entry) -> Result<Option<JobRecord>, RecordError> {
        if entry.record.state != JobState::Running {
            return Ok(None);
        }
        let ack_wait = self.ack_wait().await.unwrap_or(topology::ACK_WAIT);
        let silent = unwritten_for(entry.written_at_ns, &self.time, &self.reconnected);
        if silent <= ack_wait * ABANDONED_ACK_WAITS {
            return Ok(None);
        }
        let completion = Completion::cancelled("cancelled while no worker ran it");
        self.end_unowned(entry, &completion).await
    }

    /// A worker that misses the call finds the mark when it next renews its claim.
    async fn call_worker(&self, job: JobId) {
        let client = self.jetstream.client();
        if let Err(error) = client.publish(topology::cancel(job), "".into()).await {
            tracing::debug!(%error, job_id = %job, "the worker was not called");
        }
    }

    /// Notes that the completion event is stored. It only saves whoever meets the job's message work.
    pub async fn note_told(&self, record: &JobRecord) -> Result<(), SessionError> {
        let Some(entry) = self.records.load(record.id).await? else { return Ok(()) };
        if entry.record.round != record.round || !entry.record.state.is_terminal() {
            return Ok(());
        }
        let session = RecordSession::shared(self.records.clone(), entry);
        let noted = session.change(|record| {
            record.completion_published = true;
            Ok(())
        });
        noted.await.map(drop)
    }
}

impl Completion {
    /// The end of a job that its owner stopped.
    pub fn cancelled(detail: &str) -> Self {
        let failure = JobFailure::new(reason::CANCELLED, detail);
        Self {
            outcome: Outcome::Cancelled,
            failure: Some(failure),
            run: None,
            results: None,
            dead_letter: None,
        }
    }
}

/// The running jobs of one worker, so that a call about one reaches its run at once.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<HashMap<JobId, Arc<Notify>>>>);

/// A running job that can be called; no longer once this is dropped.
pub(crate) struct Callable {
    calls: Calls,
    job: JobId,
}

impl Calls {
    /// Listens for calls as long as the connection lives.
    pub(crate) fn listen(bus: &Bus) -> Self {
        let (calls, client) = (Self::default(), bus.jetstream.client());
        let heard = calls.clone();
        tokio::spawn(async move {
            let mut messages = match client.subscribe(topology::CANCELS).await {
                Ok(messages) => messages,
                Err(error) => {
                    return tracing::warn!(%error, "cancels are seen only when claims are renewed");
                }
            };
            while let Some(message) = messages.next().await {
                let job = message.subject.rsplit('.').next().unwrap_or_default();
                if let Ok(job) = job.parse() {
                    heard.call(job);
                }
            }
        });
        calls
    }

    /// Lets calls about `job` wake `waker`.
    pub(crate) fn answer(&self, job: JobId, waker: Arc<Notify>) -> Callable {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(job, waker);
        Callable { calls: self.clone(), job }
    }

    fn call(&self, job: JobId) {
        if let Some(waker) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&job) {
            waker.notify_one();
        }
    }
}

impl Drop for Callable {
    fn drop(&mut self) {
        self.calls.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.job);
    }
}
