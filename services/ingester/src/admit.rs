//! The handler: check, de-duplicate, enrich, queue.

use std::sync::Arc;

use bus::{
    Bus, Completion, Delivery, Failure, Handled, Handler, Outgoing, RecordSession,
    payloads::inline_spec, records::RecordError,
};
use contract::{
    JobId, JobSource, UnknownFields,
    event::EventType,
    job::{ATTEMPTS_DEFAULT, Job, JobSpec, Notify},
    record::{InlineSpec, JobFailure, JobRecord, MoveForbidden},
    signals::{attr, reason, span},
    state::{JobState, Outcome},
    topology::{Hop, message_id, todo},
};
use faults::FaultPoint;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    config::{Sources, is_gateway},
    seen::Seen,
};

/// Admits jobs.
pub(crate) struct Admit {
    bus: Arc<Bus>,
    sources: Sources,
    seen: Seen,
}

impl Handler for Admit {
    async fn handle(&self, delivery: &Delivery) -> Result<Handled, Failure> {
        let event = delivery.event()?;
        if !self.sources.allow(&event.source) {
            return Ok(Handled::Discard(reason::UNKNOWN_SOURCE));
        }
        if event.kind != EventType::Submitted.name() {
            return Ok(Handled::Discard(reason::UNKNOWN_TYPE));
        }
        let job = if is_gateway(&event.source) {
            Some(delivery.as_job()?)
        } else {
            self.job_of_event(delivery).await?
        };
        let Some(job) = job else { return Ok(Handled::Discard(reason::DUPLICATE)) };
        job.spec.check().map_err(|error| Failure::reject(reason::MALFORMED, error))?;
        let span = Span::current();
        span.set_attribute(attr::JOB_ID, job.id.to_string());
        span.set_attribute(attr::JOB_KIND, job.spec.kind().name());
        span.add_event(span::EVENT_VALIDATED, Vec::new());
        let job = enriched(job, delivery.published_at_ms());
        span.add_event(span::EVENT_ENRICHED, Vec::new());
        self.queue(delivery, &job).await
    }
}

impl Admit {
    pub(crate) async fn new(bus: Arc<Bus>, sources: Sources) -> anyhow::Result<Self> {
        let seen = Seen::open(&bus).await?;
        Ok(Self { bus, sources, seen })
    }

    /// The job of a raw event; `None` if the event is a duplicate.
    async fn job_of_event(&self, delivery: &Delivery) -> Result<Option<Job>, Failure> {
        let spec: JobSpec = delivery.json()?;
        let fresh = self.bus.time.new_job_id();
        let id: Option<JobId> =
            self.seen.job_of(delivery.event()?, delivery.first_seq(), fresh).await?;
        let (round, accepted_at_ms) = (delivery.redriven_round(), delivery.published_at_ms());
        let job = id.map(|id| Job {
            id,
            round,
            spec,
            accepted_at_ms,
            source: JobSource::Client,
            deadline_at_ms: None,
            unknown: UnknownFields::default(),
        });
        // The data do not have the job's id: a dead letter of the event needs it.
        if let Some(job) = &job {
            delivery.set_job(job.clone());
        }
        Ok(job)
    }

    /// Moves the record to `queued` and publishes the job. If the record is already queued, only publishes again.
    async fn queue(&self, delivery: &Delivery, job: &Job) -> Result<Handled, Failure> {
        let session =
            Arc::new(RecordSession::shared(self.bus.records.clone(), self.record_of(job).await?));
        delivery.open(session.clone());
        let record = session.record().await;
        delivery.note_queue_wait(delivery.published_at_ms());
        if record.round != job.round {
            return Ok(Handled::Discard(reason::STALE_ROUND));
        }
        if record.state.is_terminal() {
            self.bus.publish_completion(&record, job).await?;
            return Ok(Handled::Done);
        }
        let _turn = self.bus.start_redelivery(delivery, &session).await?;
        delivery.reach(FaultPoint::BeforeWork).await?;
        if record.state == JobState::Accepted {
            if let Some(completion) = self.completion_before_work(&record, job) {
                return self.bus.finish(delivery, &session, job, &completion).await;
            }
            let inline_spec = inline_spec(job);
            let queued_ms = self.bus.service.clock.stamp_ms();
            let queued = |record: &mut JobRecord| {
                into_queue(record, queued_ms, inline_spec.as_ref(), job.deadline_at_ms)
            };
            session.change(queued).await?;
        }
        let queued = session.entry().await;
        if queued.record.inline_spec.is_none() {
            // Cancel, retry and show need the spec in the record. An earlier delivery may have been
            // interrupted between the two writes.
            self.bus.payloads.put(job).await.map_err(Failure::postpone)?;
        }
        delivery.reach(FaultPoint::AfterEffect).await?;
        let body = job.to_json().map_err(Failure::postpone)?;
        let subject = todo(job.spec.kind());
        let id = message_id(job.id, job.round, Hop::Todo);
        let event = Outgoing::about(job.id, EventType::Todo, subject, body).with_id(id);
        self.bus.publish(event.with_record_hint(&queued)).await?;
        delivery.reach(FaultPoint::AfterPublish).await?;
        Ok(Handled::Done)
    }

    /// The job's record. The gateway writes it after its publish, so it may not be there yet.
    async fn record_of(&self, job: &Job) -> Result<bus::records::Entry, Failure> {
        let trace_id =
            telemetry::current_span_ref().map(|span| span.trace_hex()).unwrap_or_default();
        if let Some(entry) = self.bus.enter_round(job, &trace_id).await? {
            return Ok(entry);
        }
        let mut record = JobRecord::accepted(job, trace_id);
        if self.completion_before_work(&record, job).is_none() {
            let queued_ms = self.bus.service.clock.stamp_ms();
            let inline_spec = inline_spec(job);
            into_queue(&mut record, queued_ms, inline_spec.as_ref(), job.deadline_at_ms)
                .map_err(Failure::postpone)?;
        }
        match self.bus.records.create(record).await {
            Ok(entry) => Ok(entry),
            Err(RecordError::Conflict) => {
                let entry = self.bus.records.load(job.id).await?;
                entry.ok_or_else(|| {
                    Failure::postpone(anyhow::anyhow!("the record was just deleted"))
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A job can end before it is queued: cancelled, or past its deadline.
    fn completion_before_work(&self, record: &JobRecord, job: &Job) -> Option<Completion> {
        let end = |outcome, reason, detail| {
            let failure = Some(JobFailure::new(reason, detail));
            Some(Completion { outcome, failure, run: None, results: None, dead_letter: None })
        };
        if record.cancel_requested {
            return Some(Completion::cancelled("cancelled before it was queued"));
        }
        if job.deadline_at_ms.is_some_and(|deadline| self.bus.time.now_ms() > deadline) {
            return end(
                Outcome::Failed,
                reason::DEADLINE_PASSED,
                "the deadline passed before the job was queued",
            );
        }
        None
    }
}

/// Moves the record to `queued`, with the deadline, and with the spec if it is small.
fn into_queue(
    record: &mut JobRecord,
    queued_ms: i64,
    inline_spec: Option<&InlineSpec>,
    deadline_at_ms: Option<i64>,
) -> Result<(), MoveForbidden> {
    record.move_to(JobState::Queued)?;
    record.times.queued_ms = Some(queued_ms);
    record.inline_spec = inline_spec.cloned();
    record.deadline_at_ms = deadline_at_ms;
    Ok(())
}

/// Fills in the defaults of the job. Deadlines are in broker time.
fn enriched(mut job: Job, published_at_ms: i64) -> Job {
    job.deadline_at_ms = Some(job.spec.deadline_from(published_at_ms));
    job.spec.attempts_max.get_or_insert(ATTEMPTS_DEFAULT);
    job.spec.notify.get_or_insert(Notify::Log);
    job
}
