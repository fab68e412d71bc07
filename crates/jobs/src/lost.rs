//! Lost jobs: their message is gone, for example after a store was rolled back, so no stage would ever end them.

use std::time::Duration;

use contract::{
    JobId,
    record::{JobFailure, JobRecord},
    signals::reason,
    state::{JobState, Outcome},
};

use crate::{
    Completion, Jobs,
    completion::count_end,
    lost_spans,
    records::{Entry, RecordError},
};

/// A job that was ended because its message is gone: what its record said before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The state in which it was found.
    pub was: JobState,
    /// The job's last lease holder, if it was running.
    pub worker: Option<String>,
}

/// Ends `job` as dead because its message is in no queue. The caller has searched the queues.
///
/// Does nothing unless the deadline and the last write of the record are both more than `past` ago, by broker time.
/// A record without a deadline is treated as if it had the longest one.
pub async fn end(jobs: &Jobs, job: JobId, past: Duration) -> Result<Option<Lost>, RecordError> {
    let entry = match jobs.records.load(job).await {
        Ok(Some(entry)) if is_past(jobs, &entry, past) => entry,
        Ok(_) | Err(RecordError::Unreadable { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let was = entry.record.state;
    let worker = entry.record.lease.as_ref().map(|lease| lease.worker.clone());
    let detail = match &worker {
        Some(worker) => format!("the job was {was} at {worker}, and its message is gone"),
        None => format!("the job was {was}, and its message is gone"),
    };
    let completion = Completion {
        outcome: Outcome::Dead,
        failure: Some(JobFailure::new(reason::LOST, &detail)),
        run: None,
        results: None,
        dead_letter: None,
    };
    Ok(end_unleased(jobs, &entry, &completion).await?.map(|_| Lost { was, worker }))
}

fn is_past(jobs: &Jobs, entry: &Entry, past: Duration) -> bool {
    let past_ms = i64::try_from(past.as_millis()).unwrap_or(i64::MAX);
    let limit_ms = jobs.bus.nats.time.now_ms().saturating_sub(past_ms);
    let written_ms = i64::try_from(entry.written_at_ns / 1_000_000).unwrap_or(i64::MAX);
    let deadline_ms = entry.record.latest_deadline_ms(written_ms);
    !entry.record.state.is_terminal() && written_ms < limit_ms && deadline_ms < limit_ms
}

/// Ends a job that no worker runs, unless its record has moved since `entry`. Exports the spans of a lost run.
pub(crate) async fn end_unleased(
    jobs: &Jobs,
    entry: &Entry,
    completion: &Completion,
) -> Result<Option<JobRecord>, RecordError> {
    let mut record = entry.record.clone();
    if completion.write(&mut record, jobs.stamp_ms()).is_err() {
        return Ok(None);
    }
    match jobs.records.write(record.clone(), entry.revision).await {
        Ok(_) => {}
        Err(RecordError::Conflict) => return Ok(None),
        Err(RecordError::TooLarge { .. }) => {
            tracing::warn!(job_id = %record.id, "cannot end job: its record is too large");
            return Ok(None);
        }
        Err(error) => return Err(error),
    }
    if let Some(lease) = &entry.record.lease {
        lost_spans::lost_elsewhere(&jobs.bus, &entry.record, lease, entry.written_at_ns);
    }
    count_end(jobs, &record);
    Ok(Some(record))
}
