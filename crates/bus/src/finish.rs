//! How a job ends: the record first, then the completion event to the next hop. Repeating it changes nothing.

use contract::{
    api::{JobDone, OperationResult},
    event::EventType,
    job::Job,
    record::{JobFailure, JobRecord, MoveForbidden},
    signals::{self, attr},
    state::Outcome,
    topology::{Hop, done, message_id},
};
use faults::FaultPoint;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{Bus, Delivery, Failure, Handled, Outgoing, PublishError, RecordSession};

/// An end that is about to be written.
#[derive(Debug, Clone)]
pub struct Completion {
    /// How it ended.
    pub outcome: Outcome,
    /// Why, unless it succeeded.
    pub failure: Option<JobFailure>,
    /// The run whose results count.
    pub run: Option<String>,
    /// What came of that run, if it is small enough to stand in the record.
    pub results: Option<Vec<OperationResult>>,
    /// The place of the dead letter, if it ended in one.
    pub dead_letter: Option<u64>,
}

impl Completion {
    /// Writes the end into `record`. Whose cancel was taken ends as cancelled, whatever came of its run.
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

impl Bus {
    /// Ends the job: moves its record, publishes the completion event, and returns what the loop needs to ack.
    pub async fn finish(
        &self,
        delivery: &Delivery,
        session: &RecordSession,
        job: &Job,
        completion: &Completion,
    ) -> Result<Handled, Failure> {
        let record = self.close(session, completion).await?;
        delivery.reach(FaultPoint::AfterEffect).await?;
        self.publish_completion(&record, job).await?;
        delivery.reach(FaultPoint::AfterPublish).await?;
        Ok(Handled::Done)
    }

    /// Publishes the end of a job whose record says it has ended. The same id, so repeats are dropped.
    pub async fn publish_completion(&self, record: &JobRecord, job: &Job) -> Result<(), Failure> {
        match completion_event(record, job)? {
            Some(event) if !record.completion_published => self.publish(event).await.map(drop)?,
            _ => {}
        }
        Ok(())
    }

    /// Moves the record to its end, and counts the job.
    pub(crate) async fn close(
        &self,
        session: &RecordSession,
        completion: &Completion,
    ) -> Result<JobRecord, Failure> {
        let finished_ms = self.service.clock.stamp_ms();
        let record = session.change(|record| completion.write(record, finished_ms)).await?;
        self.count_end(&record);
        Ok(record)
    }

    /// Counts a job that has just ended, and says on the current span how.
    pub(crate) fn count_end(&self, record: &JobRecord) {
        let Some(outcome) = record.outcome() else { return };
        tracing::Span::current().set_attribute(attr::JOB_OUTCOME, outcome.name());
        let labels = [record.kind.name(), outcome.name()];
        self.service.metrics.count(&signals::JOBS_FINISHED, &labels);
        let finished_ms = record.times.finished_ms.unwrap_or(record.times.accepted_ms);
        let seconds = (finished_ms - record.times.accepted_ms).max(0) as f64 / 1e3;
        self.service.metrics.observe(&signals::JOB_DURATION, &labels, seconds);
    }
}

/// The completion event of a job, if its record says that it has ended.
pub fn completion_event(record: &JobRecord, job: &Job) -> Result<Option<Outgoing>, Failure> {
    let Some(outcome) = record.outcome() else { return Ok(None) };
    let event = JobDone {
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

impl From<PublishError> for Failure {
    /// Whatever keeps the broker from taking the next hop is not the job's fault.
    fn from(error: PublishError) -> Self {
        Self::postpone(error)
    }
}
