//! Cancelling a job. A waiting job ends immediately; a running job is marked, and its worker ends it.
//!
//! One compare-and-set on the record decides. After it the job can only end as cancelled.

use std::{collections::HashMap, sync::Arc};

use bus::Bus;
use contract::{
    JobId,
    record::{JobFailure, JobRecord, MoveForbidden},
    signals::reason,
    state::{JobState, Outcome},
    topology,
};
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{
    Completion, Jobs, RecordSession, SessionError,
    completion::count_end,
    lost::end_unleased,
    records::{Entry, RecordError},
};

/// Why a job was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// There is no such job.
    #[error("there is no such job")]
    Unknown,
    /// The job has already ended, in this state.
    #[error("the job has already ended: it is {0}")]
    Ended(JobState),
    /// The job entered a new round while it was being cancelled.
    #[error("the job has just been started again; cancel it again")]
    Restarted,
    /// The job's record could not be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// A running job whose record was not written for this many ack waits has no live worker: a worker renews its lease
/// every third of an ack wait, and a lost worker is replaced after one.
pub const ABANDONED_ACK_WAITS: u32 = 2;

/// Cancels `job` and returns its record: `cancelled`, or `running` with `cancel_requested` set for its worker.
/// Idempotent for a running job.
///
/// A running job without a live worker, see [`ABANDONED_ACK_WAITS`], ends immediately.
pub async fn request(jobs: &Jobs, job: JobId) -> Result<JobRecord, CancelError> {
    let entry = jobs.records.load(job).await?.ok_or(CancelError::Unknown)?;
    if let Some(record) = end_abandoned(jobs, &entry).await? {
        return Ok(record);
    }
    let session = RecordSession::shared(jobs.records.clone(), entry);
    let completion = Completion::cancelled("cancelled before it ran");
    let finished_ms = jobs.stamp_ms();
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
        signal_worker(jobs, job).await;
    } else {
        count_end(jobs, &record);
    }
    Ok(record)
}

async fn end_abandoned(jobs: &Jobs, entry: &Entry) -> Result<Option<JobRecord>, RecordError> {
    if entry.record.state != JobState::Running {
        return Ok(None);
    }
    let ack_wait = jobs.bus.nats.ack_wait(topology::PROCESSOR).await.unwrap_or(topology::ACK_WAIT);
    let silent = jobs.unwritten_for(entry);
    if silent <= ack_wait * ABANDONED_ACK_WAITS {
        return Ok(None);
    }
    let completion = Completion::cancelled("cancelled while no worker ran it");
    end_unleased(jobs, entry, &completion).await
}

/// Tells the workers immediately. A worker that misses the message sees `cancel_requested` at its next lease renewal.
async fn signal_worker(jobs: &Jobs, job: JobId) {
    let client = jobs.bus.nats.jetstream.client();
    if let Err(error) = client.publish(topology::cancel(job), "".into()).await {
        tracing::debug!(%error, job_id = %job, "publish cancel signal failed");
    }
}

/// Notes in the record that the completion event is stored, so that no other stage publishes it again.
pub async fn note_completion_published(
    jobs: &Jobs,
    record: &JobRecord,
) -> Result<(), SessionError> {
    let Some(entry) = jobs.records.load(record.id).await? else { return Ok(()) };
    if entry.record.round != record.round || !entry.record.state.is_terminal() {
        return Ok(());
    }
    let session = RecordSession::shared(jobs.records.clone(), entry);
    let noted = session.change(|record| {
        record.completion_published = true;
        Ok(())
    });
    noted.await.map(drop)
}

impl Completion {
    /// The completion of a job that its submitter cancelled.
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

/// Receives the cancel messages of the broker and wakes the runs that they concern.
#[derive(Clone, Default)]
pub(crate) struct CancelSignals(Arc<Mutex<HashMap<JobId, Arc<Notify>>>>);

/// Registration of one run for cancel signals. Dropping it removes the run.
pub(crate) struct CancelRegistration {
    signals: CancelSignals,
    job: JobId,
}

impl CancelSignals {
    /// Subscribes to cancel messages, for as long as the connection lives.
    pub(crate) fn listen(bus: &Bus) -> Self {
        let (signals, client) = (Self::default(), bus.nats.jetstream.client());
        let received = signals.clone();
        tokio::spawn(async move {
            let mut messages = match client.subscribe(topology::CANCELS).await {
                Ok(messages) => messages,
                Err(error) => {
                    return tracing::warn!(%error, "subscribe to cancel messages failed: cancels are seen only when leases are renewed");
                }
            };
            while let Some(message) = messages.next().await {
                let job = message.subject.rsplit('.').next().unwrap_or_default();
                if let Ok(job) = job.parse() {
                    received.wake(job);
                }
            }
        });
        signals
    }

    /// Wakes `waker` when `job` is cancelled, until the registration is dropped.
    pub(crate) fn register(&self, job: JobId, waker: Arc<Notify>) -> CancelRegistration {
        self.0.lock().insert(job, waker);
        CancelRegistration { signals: self.clone(), job }
    }

    fn wake(&self, job: JobId) {
        if let Some(waker) = self.0.lock().get(&job) {
            waker.notify_one();
        }
    }
}

impl Drop for CancelRegistration {
    fn drop(&mut self) {
        self.signals.0.lock().remove(&self.job);
    }
}
