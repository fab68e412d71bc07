//! Ending a job: first the record, then the completion event for the notifier. Idempotent.

use bus::{AttemptResult, Failure, Handled, Outgoing};
use contract::{
    completion::CompletionEvent,
    event::EventType,
    job::Job,
    record::{JobFailure, JobRecord, MoveForbidden},
    result::OperationResult,
    signals::{self, attr},
    state::Outcome,
    topology::{Hop, done, message_id},
};
use faults::FaultPoint;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{FaultPoints, Jobs, RecordSession};

/// How a job ended, to be written into its record.
#[derive(Debug, Clone)]
pub struct Completion {
    /// How it ended.
    pub outcome: Outcome,
    /// Why, unless it succeeded.
    pub failure: Option<JobFailure>,
    /// The run whose results count.
    pub run: Option<String>,
    /// The results of that run, if they are small enough for the record.
    pub results: Option<Vec<OperationResult>>,
    /// Stream sequence of the dead letter, if there is one.
    pub dead_letter: Option<u64>,
}

impl Completion {
    /// Writes the completion into `record`. After an accepted cancel the job ends as cancelled.
    pub(crate) fn write(
        &self,
        record: &mut JobRecord,
        finished_ms: i64,
    ) -> Result<(), MoveForbidden> {
        let overruled = record.cancel_requested && self.outcome != Outcome::Cancelled;
        let overruling = overruled.then(|| Self::cancelled("cancelled while it ended"));
        let completion = overruling.as_ref().unwrap_or(self);
        record.move_to(completion.outcome.state())?;
        record.failure.clone_from(&completion.failure);
        record.run.clone_from(&self.run);
        record.results.clone_from(&self.results);
        record.dead_letter = self.dead_letter;
        record.times.finished_ms = Some(finished_ms);
        Ok(())
    }
}

/// Ends the job: moves its record and publishes the completion event.
pub async fn finish(
    jobs: &Jobs,
    faults: &FaultPoints,
    session: &RecordSession,
    job: &Job,
    completion: &Completion,
) -> AttemptResult {
    let record = close(jobs, session, completion).await?;
    faults.reach(FaultPoint::AfterEffect).await?;
    publish(jobs, &record, job).await?;
    faults.reach(FaultPoint::AfterPublish).await?;
    Ok(Handled::Done)
}

/// Publishes the completion event of an ended job. Its message id is always the same, so the broker drops repeats.
pub async fn publish(jobs: &Jobs, record: &JobRecord, job: &Job) -> Result<(), Failure> {
    match event(record, job)? {
        Some(event) if !record.completion_published => jobs.bus.publish(event).await.map(drop)?,
        _ => {}
    }
    Ok(())
}

/// Moves the record to its final state and counts the job.
pub(crate) async fn close(
    jobs: &Jobs,
    session: &RecordSession,
    completion: &Completion,
) -> Result<JobRecord, Failure> {
    let finished_ms = jobs.stamp_ms();
    let record = session.change(|record| completion.write(record, finished_ms)).await?;
    count_end(jobs, &record);
    Ok(record)
}

/// Counts a job that has just ended and sets its outcome on the current span.
pub(crate) fn count_end(jobs: &Jobs, record: &JobRecord) {
    let Some(outcome) = record.outcome() else { return };
    tracing::Span::current().set_attribute(attr::JOB_OUTCOME, outcome.name());
    let labels = [record.kind.name(), outcome.name()];
    jobs.bus.service.metrics.count(&signals::JOBS_FINISHED, &labels);
    let finished_ms = record.times.finished_ms.unwrap_or(record.times.accepted_ms);
    let seconds = (finished_ms - record.times.accepted_ms).max(0) as f64 / 1e3;
    jobs.bus.service.metrics.observe(&signals::JOB_DURATION, &labels, seconds);
}

/// The completion event of a job; `None` unless its record is in a final state.
pub fn event(record: &JobRecord, job: &Job) -> Result<Option<Outgoing>, Failure> {
    let Some(outcome) = record.outcome() else { return Ok(None) };
    let event = CompletionEvent {
        job: job.clone(),
        outcome,
        failure: record.failure.clone(),
        finished_at_ms: record.times.finished_ms.unwrap_or(0),
        run: record.run.clone(),
    };
    let body = event.to_json().map_err(Failure::postpone)?;
    let id = message_id(record.id, record.round, Hop::Done);
    Ok(Some(Outgoing::about(record.id, EventType::Done, done(outcome), body).with_id(id)))
}
