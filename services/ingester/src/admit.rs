//! The handler: check, de-duplicate, enrich, queue.

use std::sync::Arc;

use bus::{AttemptResult, Delivery, Failure, Handled, Outgoing};
use contract::{
    JobSource, UnknownFields,
    event::{EventHead, EventType},
    job::{ATTEMPTS_DEFAULT, Job, JobSpec, Notify},
    record::{InlineSpec, JobFailure, JobRecord, MoveForbidden},
    signals::{attr, reason, span},
    state::{self, JobState},
    topology::{Hop, message_id, todo},
};
use faults::FaultPoint;
use jobs::{
    Attempt, Completion, FaultPoints, JobHandler, Jobs, Opened, RecordError, RecordSession,
    Redeliveries, completion, message, payloads::inline_spec, record_hint, records::Entry, round,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    config::{Sources, is_gateway},
    seen::Seen,
};

/// Admits jobs.
pub(crate) struct Admit {
    jobs: Jobs,
    sources: Sources,
    seen: Seen,
    redeliveries: Redeliveries,
}

impl JobHandler for Admit {
    /// The admitted job; its record is open.
    type Work = Arc<Job>;

    async fn open(&self, delivery: &Delivery) -> Opened<Arc<Job>> {
        let attempt = Attempt::new(&self.jobs, delivery);
        let job = match self.job_of(delivery).await {
            Ok(Admission::Job(job)) => *job,
            Ok(Admission::Discard(reason)) => {
                return attempt.with_outcome(Ok(Handled::Discard(reason)));
            }
            Err(failure) => return attempt.with_outcome(Err(failure)),
        };
        if let Err(error) = job.spec.check() {
            let rejected = Failure::reject(reason::MALFORMED, error);
            let attempt = attempt.with_job(Arc::new(job));
            return attempt.with_outcome(Err(rejected));
        }
        let job = Arc::new(enriched(job, delivery.published_at_ms()));
        note_admission(&job);
        let attempt = attempt.with_job(job.clone());
        match self.record_of(&job).await {
            Ok(entry) => {
                let session = RecordSession::shared(self.jobs.records.clone(), entry);
                attempt.with_record(Arc::new(session)).with_work(job)
            }
            Err(failure) => attempt.with_outcome(Err(failure)),
        }
    }

    async fn run(
        &self,
        delivery: &Delivery,
        attempt: &mut Attempt,
        job: Arc<Job>,
    ) -> AttemptResult {
        match &attempt.record {
            Some(session) => self.queue(delivery, session, &attempt.faults, &job).await,
            None => Err(Failure::postpone(anyhow::anyhow!("the job's record is not open"))),
        }
    }
}

/// What an event is to the lab.
enum Admission {
    /// A job to queue.
    Job(Box<Job>),
    /// Not for this lab.
    Discard(&'static str),
}

impl Admit {
    pub(crate) async fn new(jobs: Jobs, sources: Sources) -> anyhow::Result<Self> {
        let seen = Seen::open(&jobs.bus).await?;
        Ok(Self { jobs, sources, seen, redeliveries: Redeliveries::default() })
    }

    /// The job of an event, from the gateway or raw.
    async fn job_of(&self, delivery: &Delivery) -> Result<Admission, Failure> {
        let event = delivery.event()?;
        if !self.sources.allow(&event.source) {
            return Ok(Admission::Discard(reason::UNKNOWN_SOURCE));
        }
        if event.kind != EventType::Submitted.name() {
            return Ok(Admission::Discard(reason::UNKNOWN_TYPE));
        }
        if is_gateway(&event.source) {
            return Ok(Admission::Job(Box::new(message::job(delivery)?)));
        }
        Ok(match self.job_of_raw(delivery, event).await? {
            Some(job) => Admission::Job(Box::new(job)),
            None => Admission::Discard(reason::DUPLICATE),
        })
    }

    /// The job of a raw event; `None` if the event is a duplicate.
    async fn job_of_raw(
        &self,
        delivery: &Delivery,
        event: &EventHead,
    ) -> Result<Option<Job>, Failure> {
        let spec: JobSpec = delivery.json()?;
        let fresh = self.jobs.bus.nats.time.new_job_id();
        let id = self.seen.job_of(event, message::first_seq(delivery), fresh).await?;
        Ok(id.map(|id| Job {
            id,
            round: message::redriven_round(delivery),
            spec,
            accepted_at_ms: delivery.published_at_ms(),
            source: JobSource::Client,
            deadline_at_ms: None,
            unknown: UnknownFields::default(),
        }))
    }

    /// Moves the record to `queued` and publishes the job. If the record is already queued, only publishes again.
    async fn queue(
        &self,
        delivery: &Delivery,
        session: &RecordSession,
        faults: &FaultPoints,
        job: &Job,
    ) -> AttemptResult {
        let record = session.record().await;
        delivery.note_queue_wait(&self.jobs.bus, delivery.published_at_ms());
        if record.round != job.round {
            return Ok(Handled::Discard(reason::STALE_ROUND));
        }
        if record.state.is_terminal() {
            completion::publish(&self.jobs, &record, job).await?;
            return Ok(Handled::Done);
        }
        let _turn = self.redeliveries.start(&self.jobs, delivery, session).await?;
        faults.reach(FaultPoint::BeforeWork).await?;
        if record.state == JobState::Accepted {
            if let Some(completion) = self.completion_before_work(&record, job) {
                return completion::finish(&self.jobs, faults, session, job, &completion).await;
            }
            self.move_to_queued(session, job).await?;
        }
        let queued = session.entry().await;
        if queued.record.inline_spec.is_none() {
            // Cancel, retry and show need the spec in the record. An earlier delivery may have been
            // interrupted between the two writes.
            self.jobs.payloads.put(job).await.map_err(Failure::postpone)?;
        }
        faults.reach(FaultPoint::AfterEffect).await?;
        let body = job.to_json().map_err(Failure::postpone)?;
        let id = message_id(job.id, job.round, Hop::Todo);
        let event =
            Outgoing::about(job.id, EventType::Todo, todo(job.spec.kind()), body).with_id(id);
        self.jobs.bus.publish(record_hint::attach(event, &queued)).await?;
        faults.reach(FaultPoint::AfterPublish).await?;
        Ok(Handled::Done)
    }

    async fn move_to_queued(&self, session: &RecordSession, job: &Job) -> Result<(), Failure> {
        let inline_spec = inline_spec(job);
        let queued_ms = self.jobs.bus.service.clock.stamp_ms();
        let queued = |record: &mut JobRecord| {
            into_queue(record, queued_ms, inline_spec.as_ref(), job.deadline_at_ms)
        };
        session.change(queued).await?;
        Ok(())
    }

    /// The job's record. The gateway writes it after its publish, so it may not be there yet.
    async fn record_of(&self, job: &Job) -> Result<Entry, Failure> {
        let trace_id =
            telemetry::current_span_ref().map(|span| span.trace_hex()).unwrap_or_default();
        if let Some(entry) = round::enter(&self.jobs, job, &trace_id).await? {
            return Ok(entry);
        }
        let mut record = JobRecord::accepted(job, trace_id);
        if self.completion_before_work(&record, job).is_none() {
            let queued_ms = self.jobs.bus.service.clock.stamp_ms();
            let inline_spec = inline_spec(job);
            into_queue(&mut record, queued_ms, inline_spec.as_ref(), job.deadline_at_ms)
                .map_err(Failure::postpone)?;
        }
        match self.jobs.records.create(record).await {
            Ok(entry) => Ok(entry),
            Err(RecordError::Conflict) => {
                let entry = self.jobs.records.load(job.id).await?;
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
        if job.deadline_at_ms.is_some_and(|deadline| self.jobs.bus.nats.time.now_ms() > deadline) {
            return end(
                state::Outcome::Failed,
                reason::DEADLINE_PASSED,
                "the deadline passed before the job was queued",
            );
        }
        None
    }
}

/// Marks the span of an admitted job.
fn note_admission(job: &Job) {
    let span = Span::current();
    span.set_attribute(attr::JOB_ID, job.id.to_string());
    span.set_attribute(attr::JOB_KIND, job.spec.kind().name());
    span.add_event(span::EVENT_VALIDATED, Vec::new());
    span.add_event(span::EVENT_ENRICHED, Vec::new());
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
