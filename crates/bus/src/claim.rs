//! Who may run a job. A claim is a token in the record; it is renewed while the job runs, and a worker
//! that is gone is known by a record that does not move.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use contract::{
    job::Job,
    record::{Interruptions, JobRecord, Owner},
    signals::{self, attr, reason},
    state::JobState::{self, Succeeded},
};
use opentelemetry::KeyValue;
use tokio::sync::RwLock;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    Bus, Case, Delivery, Failure, Run,
    cancel::Calls,
    enclosed::enclosed,
    job_spans::{self, parent_of},
    records::{Entry, RecordError},
    run::Place,
    sightings::Sightings,
};

/// After which a message comes again that found no place in its worker.
const PLACE_PAUSE: Duration = Duration::from_secs(2);
/// Interruptions of a job that ran alone after which it is dead.
pub const INTERRUPTIONS_ALONE_MAX: u32 = 3;

/// What came of asking for a job.
pub enum Claim {
    /// This worker runs it now.
    Run(Run),
    /// It has ended: tell the next hop again.
    Ended(Box<JobRecord>),
    /// Another worker has it; ask again then.
    Busy(Duration),
    /// This worker has no place for it, because one of its jobs runs alone; ask again then.
    Crowded(Duration),
    /// The message is of an earlier round.
    Stale,
}

/// Hands out claims, one set a worker.
pub struct Claims {
    bus: Arc<Bus>,
    ack_wait: Duration,
    sightings: Sightings,
    gate: Arc<RwLock<()>>,
    calls: Calls,
}

impl Claims {
    /// Claims for a worker whose messages come again after `ack_wait`.
    pub fn new(bus: Arc<Bus>, ack_wait: Duration) -> Self {
        let calls = Calls::listen(&bus);
        Self { bus, ack_wait, sightings: Sightings::default(), gate: Arc::default(), calls }
    }

    /// Asks for the job of `delivery`. Waits a moment while another job has the worker to itself, then answers [`Claim::Crowded`].
    pub async fn claim(&self, delivery: &Delivery, job: &Job) -> Result<Claim, Failure> {
        if let Some(entry) = enclosed(delivery, job)
            && let Some(place) = Place::free(&self.gate, false)
            && let Some(claim) = self.take(delivery, entry, place).await?
        {
            return Ok(claim);
        }
        self.claim_as_read(delivery, job).await
    }

    /// The same by the record as it is now.
    async fn claim_as_read(&self, delivery: &Delivery, job: &Job) -> Result<Claim, Failure> {
        let trace_id = parent_of(delivery).map(|span| span.trace_hex()).unwrap_or_default();
        let Some(seen) = self.bus.enter_round(job, &trace_id).await? else {
            return Err(Failure::reject(
                reason::NO_RECORD,
                anyhow!("job {} has no record", job.id),
            ));
        };
        if let Some(answer) = self.not_ours(&seen, job) {
            return Ok(answer);
        }
        let alone = seen.record.interruptions.total > 0 || seen.record.state == JobState::Running;
        if let Some(place) = Place::free(&self.gate, alone) {
            return self.take_if_unmoved(delivery, seen, place).await;
        }
        let Some(place) = Place::wait(&self.gate, alone).await else {
            return Ok(Claim::Crowded(PLACE_PAUSE));
        };
        // What was true before the wait may not be now.
        let Some(entry) = self.bus.records.load(job.id).await? else {
            return Err(Failure::reject(
                reason::NO_RECORD,
                anyhow!("job {} has no record", job.id),
            ));
        };
        if entry.revision != seen.revision {
            return Ok(self.not_ours(&entry, job).unwrap_or(Claim::Busy(Duration::ZERO)));
        }
        self.take_if_unmoved(delivery, entry, place).await
    }

    /// Whether the record forbids a claim.
    fn not_ours(&self, entry: &Entry, job: &Job) -> Option<Claim> {
        let record = &entry.record;
        if record.round > job.round || (record.round < job.round && record.state == Succeeded) {
            return Some(Claim::Stale);
        }
        if record.round < job.round || record.state == JobState::Accepted {
            // The message was published before its record moved; that is a moment away.
            return Some(Claim::Busy(Duration::from_millis(100)));
        }
        if record.state.is_terminal() {
            return Some(Claim::Ended(Box::new(record.clone())));
        }
        if record.state == JobState::Running {
            let unmoved = self.sightings.unmoved_for(record.id, entry.revision);
            if unmoved < self.ack_wait {
                return Some(Claim::Busy(self.ack_wait.saturating_sub(unmoved)));
            }
        }
        None
    }

    async fn take_if_unmoved(
        &self,
        delivery: &Delivery,
        entry: Entry,
        place: Place,
    ) -> Result<Claim, Failure> {
        let taken = self.take(delivery, entry, place).await?;
        Ok(taken.unwrap_or(Claim::Busy(Duration::ZERO)))
    }

    /// Writes this worker's token into the record. `None` when the record has moved meanwhile.
    async fn take(
        &self,
        delivery: &Delivery,
        entry: Entry,
        place: Place,
    ) -> Result<Option<Claim>, Failure> {
        let mut record = entry.record.clone();
        let lost = record.owner.clone().filter(|_| record.state == JobState::Running);
        if let Some(lost) = &lost {
            record.interruptions = interrupted(record.interruptions, lost);
        }
        if record.interruptions.alone >= INTERRUPTIONS_ALONE_MAX {
            return Err(self.give_up(delivery, entry, lost).await);
        }
        let owner = self.token(delivery, &record, place.is_alone())?;
        let since_ms = waiting_since(delivery, &record);
        self.mark_span(&record, &owner, lost.as_ref());
        record.previous = lost.as_ref().map(|lost| lost.span).or(record.previous);
        record.times.queue_wait_ms = since_ms.map(|since| delivery.queue_wait_ms(since));
        record.times.started_ms = Some(self.bus.vitals.clock.stamp_ms());
        (record.owner, record.progress) = (Some(owner.clone()), None);
        record.move_to(JobState::Running).map_err(Failure::postpone)?;
        let claimed = match self.bus.records.write(record, entry.revision).await {
            Ok(claimed) => claimed,
            // Lost the race, or the answer was lost: the record tells.
            Err(error) => match self.bus.records.load(entry.record.id).await? {
                Some(found) if is_owned(&found, &owner) => found,
                _ if matches!(error, RecordError::Conflict) => return Ok(None),
                _ => return Err(error.into()),
            },
        };
        self.sightings.forget(owner_job(&claimed));
        if let Some(since_ms) = since_ms {
            delivery.note_queue_wait(since_ms);
        }
        if let Some(lost) = &lost {
            job_spans::lost(&self.bus, delivery, &entry.record, lost, entry.written_at_ns);
            self.bus.vitals.metrics.count(&signals::INTERRUPTIONS, &[self.bus.stage.name()]);
        }
        let callable = self.calls.answer(claimed.record.id, delivery.nudge.clone());
        let is_cancelled = claimed.record.cancel_requested;
        let case = Arc::new(Case::owned(self.bus.records.clone(), claimed, owner.clone()));
        let run = Run::start(delivery, case, owner, place, callable);
        if is_cancelled {
            run.cancelled.cancel();
        }
        Ok(Some(Claim::Run(run)))
    }

    /// The job has killed its worker too often: it is dead by the hand of whoever finds out.
    async fn give_up(&self, delivery: &Delivery, entry: Entry, lost: Option<Owner>) -> Failure {
        let interruptions = lost.as_ref().map_or(entry.record.interruptions, |lost| {
            interrupted(entry.record.interruptions, lost)
        });
        if let Some(lost) = &lost {
            job_spans::lost(&self.bus, delivery, &entry.record, lost, entry.written_at_ns);
            self.bus.vitals.metrics.count(&signals::INTERRUPTIONS, &[self.bus.stage.name()]);
        }
        let case = match lost {
            Some(lost) => Case::owned(self.bus.records.clone(), entry, lost),
            None => Case::shared(self.bus.records.clone(), entry),
        };
        let noted = case.renew(|record| record.interruptions = interruptions).await;
        delivery.open(Arc::new(case));
        match noted {
            Ok(_) => Failure::UsedUp {
                reason: reason::INTERRUPTIONS_USED_UP,
                cause: anyhow!(
                    "its worker went away {INTERRUPTIONS_ALONE_MAX} times while it ran alone"
                ),
            },
            Err(error) => error.into(),
        }
    }

    fn token(
        &self,
        delivery: &Delivery,
        record: &JobRecord,
        alone: bool,
    ) -> Result<Owner, Failure> {
        let no_span = || Failure::postpone(anyhow!("the attempt has no span"));
        let span = telemetry::current_span_ref().ok_or_else(no_span)?;
        Ok(Owner {
            round: record.round,
            attempt: record.attempts.processor + 1,
            run: record.interruptions.total,
            worker: self.bus.vitals.instance.clone(),
            stream_seq: delivery.seq,
            span,
            parent: parent_of(delivery).unwrap_or(span),
            started_at_ns: self.bus.vitals.clock.stamp_ns(),
            alone,
        })
    }

    /// Numbers on the attempt's span, and the link to the attempt before.
    fn mark_span(&self, record: &JobRecord, owner: &Owner, lost: Option<&Owner>) {
        let span = tracing::Span::current();
        span.set_attribute(attr::JOB_ATTEMPT, i64::from(owner.attempt));
        span.set_attribute(attr::JOB_ROUND, i64::from(owner.round));
        span.set_attribute(attr::JOB_INTERRUPTIONS, i64::from(record.interruptions.total));
        span.set_attribute(attr::WORKER, self.bus.vitals.instance.clone());
        if let Some(before) = lost.map(|lost| lost.span).or(record.previous) {
            let what = vec![KeyValue::new(attr::LINK, attr::LINK_PREVIOUS_ATTEMPT)];
            span.add_link_with_attributes(telemetry::context::span_context(before), what);
        }
    }
}

/// Adds one interruption. A function of the record before it, so that repeating it changes nothing.
fn interrupted(before: Interruptions, lost: &Owner) -> Interruptions {
    Interruptions { total: before.total + 1, alone: before.alone + u32::from(lost.alone) }
}

fn is_owned(entry: &Entry, token: &Owner) -> bool {
    entry.record.owner.as_ref().is_some_and(|owner| owner.is_same_run(token))
}

fn owner_job(entry: &Entry) -> contract::JobId {
    entry.record.id
}

/// Since when the job has waited: for a retry since it was due; after an interruption it did not wait.
fn waiting_since(delivery: &Delivery, record: &JobRecord) -> Option<i64> {
    match record.state {
        JobState::Running => None,
        JobState::Retrying => record.times.retry_ms,
        _ => Some(delivery.published_at_ms()),
    }
}
