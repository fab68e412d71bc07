//! Rounds: a retry or redrive publishes a message of the next round, and that message starts the round.
//!
//! The record is moved either by the gateway after it has published, or by the stage that reads the message. So a
//! gateway that dies in between leaves no job that waits for a message that was never published.

use contract::{
    job::Job,
    record::{JobFailure, JobRecord, Unreadable},
    signals::reason,
    state::JobState,
};

use crate::{
    Jobs,
    payloads::inline_spec,
    records::{Entry, RecordError},
};

/// The record of `job`, moved into the job's round if that is the next one. `None` if a job of the first round has
/// no record.
///
/// An expired record is created again for a later round, in the trace `trace_id` (32 hex digits) and with the
/// job's spec, so that the job can be retried later.
pub async fn enter(jobs: &Jobs, job: &Job, trace_id: &str) -> Result<Option<Entry>, RecordError> {
    let queued_ms = jobs.stamp_ms();
    let Some(entry) = jobs.records.load(job.id).await? else {
        return if job.round == 0 { Ok(None) } else { recreate(jobs, job, trace_id).await };
    };
    let Some(mut started) = next_round(&entry.record, job.round, queued_ms) else {
        return Ok(Some(entry));
    };
    started.deadline_at_ms = Some(deadline_of(jobs, job));
    match jobs.records.write(started, entry.revision).await {
        Ok(entry) => Ok(Some(entry)),
        // Another process has started the round.
        Err(RecordError::Conflict) => jobs.records.load(job.id).await,
        Err(error) => Err(error),
    }
}

async fn recreate(jobs: &Jobs, job: &Job, trace_id: &str) -> Result<Option<Entry>, RecordError> {
    let mut record = JobRecord::accepted(job, trace_id.to_owned());
    record.state = JobState::Queued;
    record.deadline_at_ms = Some(deadline_of(jobs, job));
    record.times.queued_ms = Some(jobs.stamp_ms());
    put_spec(jobs, &mut record, job).await?;
    match jobs.records.create(record).await {
        Ok(entry) => Ok(Some(entry)),
        Err(RecordError::Conflict) => jobs.records.load(job.id).await,
        Err(error) => Err(error),
    }
}

/// Replaces a damaged record of `job`: the new one says that the job is dead and its dead letter is at `seq`. Does
/// nothing if the record can be read or is gone.
///
/// The content of the damaged record is lost, so only a person may decide this.
pub async fn repair(jobs: &Jobs, job: &Job, trace_id: &str, seq: u64) -> Result<(), RecordError> {
    let revision = match jobs.records.load(job.id).await {
        Err(RecordError::Unreadable { cause: Unreadable::Damaged(_), revision, .. }) => revision,
        other => return other.map(drop),
    };
    let mut record = JobRecord::accepted(job, trace_id.to_owned());
    record.state = JobState::Dead;
    record.dead_letter = Some(seq);
    let detail = "the job's record could not be read and was replaced";
    record.failure = Some(JobFailure::new(reason::RECORD_UNREADABLE, detail));
    record.times.finished_ms = Some(jobs.stamp_ms());
    put_spec(jobs, &mut record, job).await?;
    match jobs.records.write(record, revision).await {
        // Another process has replaced it.
        Ok(_) | Err(RecordError::Conflict) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The deadline of the job's round. The ingester sets it; a job on its way back to the ingester has none yet.
fn deadline_of(jobs: &Jobs, job: &Job) -> i64 {
    job.deadline_at_ms.unwrap_or_else(|| job.spec.deadline_from(jobs.bus.nats.time.now_ms()))
}

/// Stores the spec of `job` with the current trace context: in `record` if it is small, else in the stream of
/// payloads, before the record is written, so that every job with a record can be retried.
async fn put_spec(jobs: &Jobs, record: &mut JobRecord, job: &Job) -> Result<(), RecordError> {
    record.inline_spec = inline_spec(job);
    if record.inline_spec.is_none() {
        let kept = jobs.payloads.put(job).await;
        kept.map_err(|error| RecordError::Broker(error.to_string()))?;
    }
    Ok(())
}

/// The record at the start of `round`, if that is the next round and the state allows it.
fn next_round(record: &JobRecord, round: u32, queued_ms: i64) -> Option<JobRecord> {
    let mut next = record.clone();
    let is_next = record.round.checked_add(1) == Some(round);
    (is_next && next.start_again(queued_ms).is_ok()).then_some(next)
}
