//! Claims: acquiring the lease that lets a worker run a job.
//!
//! The lease is a token in the job's record, acquired by compare-and-set and renewed while the job runs. A record that
//! was not written for one ack wait, by broker time, means that the lease holder is lost: another worker takes over.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use bus::{Delivery, Failure, spans::producer_of};
use contract::{
    api::LeaseView,
    job::Job,
    record::{Interruptions, JobRecord, Lease},
    signals::{self, attr, reason},
    state::JobState::{self, Succeeded},
};
use opentelemetry::KeyValue;
use tokio::sync::{Notify, Semaphore};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    Jobs, RecordSession, Run,
    cancel::CancelSignals,
    lost_spans, record_hint,
    records::{Entry, RecordError},
    round,
    run::Permit,
};

/// Redelivery delay of a job that must run isolated while all child processes are busy.
const NO_CAPACITY_DELAY: Duration = Duration::from_secs(1);
/// A lease that expires within this time is waited for once, which saves a redelivery.
const SHORT_WAIT: Duration = Duration::from_millis(250);
/// Maximum number of concurrent child processes of one worker.
const CHILDREN_MAX: usize = 32;
/// Interruptions from which on a job runs isolated. The first one does not count: a lost worker interrupts every job
/// that it runs.
const INTERRUPTIONS_TRUSTED: u32 = 2;
/// Child processes that may die while they run one job alone; then the job is dead-lettered.
pub const ISOLATED_DEATHS_MAX: u32 = 3;
/// Interruptions after which a job is dead-lettered even if no child process died. High, because a lost worker is no
/// evidence against one particular job.
pub const INTERRUPTIONS_MAX: u32 = 50;

/// Result of a claim.
pub enum Claim {
    /// This worker holds the lease and runs the job.
    Run(Run),
    /// The job has ended: publish its completion event again.
    Ended(Box<JobRecord>),
    /// Another worker holds the lease.
    LeasedElsewhere {
        /// When to claim again.
        after: Duration,
        /// Who holds the lease and until when, for the log.
        why: String,
    },
    /// The job must run isolated and no child process is free; claim again after this time.
    NoCapacity(Duration),
    /// The message belongs to an earlier round.
    Stale,
    /// The job was interrupted too often: it is dead-lettered, by way of this record.
    UsedUp(Arc<RecordSession>, Failure),
}

/// Claims jobs for one worker.
pub struct Claims {
    jobs: Jobs,
    ack_wait: Duration,
    isolation: Arc<Semaphore>,
    cancel_signals: CancelSignals,
}

impl Claims {
    /// Claims for a worker whose consumer has this `ack_wait`.
    pub fn new(jobs: Jobs, ack_wait: Duration) -> Self {
        let cancel_signals = CancelSignals::listen(&jobs.bus);
        Self { jobs, ack_wait, isolation: Arc::new(Semaphore::new(CHILDREN_MAX)), cancel_signals }
    }

    /// Claims the job of `delivery` for this worker.
    pub async fn claim(&self, delivery: &Delivery, job: &Job) -> Result<Claim, Failure> {
        if let Some(entry) = record_hint::read(delivery, job)
            && let Some(claim) = self.acquire(delivery, entry).await?
        {
            return Ok(claim);
        }
        match self.claim_as_read(delivery, job).await? {
            // A lease is written some milliseconds after its message was delivered, so the redelivery comes too early.
            Claim::LeasedElsewhere { after, .. } if after <= SHORT_WAIT => {
                tokio::time::sleep(after).await;
                self.claim_as_read(delivery, job).await
            }
            claim => Ok(claim),
        }
    }

    /// Claims the job by its record as stored now, not by the record in the message.
    async fn claim_as_read(&self, delivery: &Delivery, job: &Job) -> Result<Claim, Failure> {
        let trace_id = producer_of(delivery).map(|span| span.trace_hex()).unwrap_or_default();
        let Some(entry) = round::enter(&self.jobs, job, &trace_id).await? else {
            return Err(Failure::reject(
                reason::NO_RECORD,
                anyhow!("job {} has no record", job.id),
            ));
        };
        if let Some(blocked) = self.blocked_by_record(&entry, job) {
            return Ok(blocked);
        }
        let acquired = self.acquire(delivery, entry).await?;
        let moved = || Claim::LeasedElsewhere {
            after: Duration::ZERO,
            why: "the job's record has just been changed by another worker".to_owned(),
        };
        Ok(acquired.unwrap_or_else(moved))
    }

    /// The result of the claim, if the record already rules the lease out.
    fn blocked_by_record(&self, entry: &Entry, job: &Job) -> Option<Claim> {
        let record = &entry.record;
        if record.round > job.round || (record.round < job.round && record.state == Succeeded) {
            return Some(Claim::Stale);
        }
        if record.round < job.round || record.state == JobState::Accepted {
            // The message is published before its record moves to `queued`, a moment later.
            let why = "the job's record does not show yet that it was queued".to_owned();
            return Some(Claim::LeasedElsewhere { after: Duration::from_millis(100), why });
        }
        if record.state.is_terminal() {
            return Some(Claim::Ended(Box::new(record.clone())));
        }
        if record.state == JobState::Running {
            let unwritten = self.jobs.unwritten_for(entry);
            if unwritten < self.ack_wait {
                let after = self.ack_wait.saturating_sub(unwritten);
                return Some(Claim::LeasedElsewhere { after, why: self.leased(entry, unwritten) });
            }
        }
        None
    }

    /// `leased by processor-7, silent for 5 s, take-over in 6 s`.
    fn leased(&self, entry: &Entry, unwritten: Duration) -> String {
        let lease = LeaseView::of(&entry.record, entry.written_at_ns, unwritten, self.ack_wait);
        lease.map_or_else(
            || "leased by another worker".to_owned(),
            |lease| format!("leased by {}, {}", lease.worker, lease.status()),
        )
    }

    /// Writes this worker's lease into the record. `None` when the record has moved meanwhile.
    async fn acquire(&self, delivery: &Delivery, entry: Entry) -> Result<Option<Claim>, Failure> {
        let mut record = entry.record.clone();
        let lost = record.lease.clone().filter(|_| record.state == JobState::Running);
        let interruptions = &mut record.interruptions;
        interruptions.total = interruptions.total.saturating_add(u32::from(lost.is_some()));
        if let Some(why) = used_up(record.interruptions) {
            return Ok(Some(self.give_up(delivery, entry, lost, why).await));
        }
        let Some(permit) = self.permit(delivery, &record, lost.is_some()) else {
            return Ok(Some(Claim::NoCapacity(NO_CAPACITY_DELAY)));
        };
        let lease = self.token(delivery, &record, permit.is_isolated())?;
        let since_ms = waiting_since(delivery, &record);
        self.mark_span(&record, &lease, lost.as_ref());
        record.previous = lost.as_ref().map(|lost| lost.span).or(record.previous);
        record.times.queue_wait_ms = since_ms.map(|since| delivery.queue_wait_ms(since));
        record.times.started_ms = Some(self.jobs.stamp_ms());
        (record.lease, record.progress) = (Some(lease.clone()), None);
        record.move_to(JobState::Running).map_err(Failure::postpone)?;
        let claimed = match self.jobs.records.write(record, entry.revision).await {
            Ok(claimed) => claimed,
            // Another worker was faster, or the broker's reply was lost: read the record to find out.
            Err(error) => match self.jobs.records.load(entry.record.id).await? {
                Some(found) if is_leased(&found, &lease) => found,
                _ if matches!(error, RecordError::Conflict) => return Ok(None),
                _ => return Err(error.into()),
            },
        };
        if let Some(since_ms) = since_ms {
            delivery.note_queue_wait(&self.jobs.bus, since_ms);
        }
        if let Some(lost) = &lost {
            lost_spans::lost(&self.jobs.bus, delivery, &entry.record, lost, entry.written_at_ns);
            self.jobs
                .bus
                .service
                .metrics
                .count(&signals::INTERRUPTIONS, &[self.jobs.bus.stage.name()]);
        }
        let due = Arc::new(Notify::new());
        let registration = self.cancel_signals.register(claimed.record.id, due.clone());
        let is_cancelled = claimed.record.cancel_requested;
        let session =
            Arc::new(RecordSession::leased(self.jobs.records.clone(), claimed, lease.clone()));
        let run = Run::start(session, lease, permit, due, registration);
        if is_cancelled {
            run.cancelled.cancel();
        }
        Ok(Some(Claim::Run(run)))
    }

    /// A permit to run the job of `record`. `None` when it must run isolated and no child process is free.
    fn permit(&self, delivery: &Delivery, record: &JobRecord, is_lost: bool) -> Option<Permit> {
        let Interruptions { total, isolated, .. } = record.interruptions;
        // A child process runs one job only, so its death counts against that job.
        let is_suspect = total >= INTERRUPTIONS_TRUSTED || isolated > 0;
        // Its worker was lost before the first operation had run for a second, or before it could claim the job. That
        // may be chance, so the job runs isolated only if a child process is free.
        let lost_early = is_lost && record.progress.is_none();
        let lost_unclaimed = delivery.redelivered && has_never_run(record);
        if !is_suspect && !lost_early && !lost_unclaimed {
            return Some(Permit::Shared);
        }
        match self.isolation.clone().try_acquire_owned() {
            Ok(child) => Some(Permit::Isolated { _child: child }),
            Err(_) if is_suspect => None,
            Err(_) => Some(Permit::Shared),
        }
    }

    /// Prepares the dead letter of a job that was interrupted too often.
    async fn give_up(
        &self,
        delivery: &Delivery,
        entry: Entry,
        lost: Option<Lease>,
        why: String,
    ) -> Claim {
        let mut interruptions = entry.record.interruptions;
        interruptions.total = interruptions.total.saturating_add(u32::from(lost.is_some()));
        if let Some(lost) = &lost {
            lost_spans::lost(&self.jobs.bus, delivery, &entry.record, lost, entry.written_at_ns);
            self.jobs
                .bus
                .service
                .metrics
                .count(&signals::INTERRUPTIONS, &[self.jobs.bus.stage.name()]);
        }
        let session = match lost {
            Some(lost) => RecordSession::leased(self.jobs.records.clone(), entry, lost),
            None => RecordSession::shared(self.jobs.records.clone(), entry),
        };
        let noted = session.renew(|record| record.interruptions = interruptions).await;
        let failure = match noted {
            Ok(_) => Failure::interruptions_used_up(why),
            Err(error) => error.into(),
        };
        Claim::UsedUp(Arc::new(session), failure)
    }

    fn token(
        &self,
        delivery: &Delivery,
        record: &JobRecord,
        isolated: bool,
    ) -> Result<Lease, Failure> {
        let no_span = || Failure::postpone(anyhow!("the attempt has no span"));
        let span = telemetry::current_span_ref().ok_or_else(no_span)?;
        Ok(Lease {
            round: record.round,
            attempt: record.attempts.processor + 1,
            run: record.interruptions.total,
            worker: self.jobs.bus.service.instance.clone(),
            stream_seq: delivery.seq,
            span,
            parent: producer_of(delivery).unwrap_or(span),
            started_at_ns: self.jobs.bus.service.clock.stamp_ns(),
            isolated,
        })
    }

    /// Sets the attributes of the attempt's span, and its link to the attempt before.
    fn mark_span(&self, record: &JobRecord, lease: &Lease, lost: Option<&Lease>) {
        let span = tracing::Span::current();
        span.set_attribute(attr::JOB_ATTEMPT, i64::from(lease.attempt));
        span.set_attribute(attr::JOB_ROUND, i64::from(lease.round));
        span.set_attribute(attr::JOB_INTERRUPTIONS, i64::from(record.interruptions.total));
        span.set_attribute(attr::WORKER, self.jobs.bus.service.instance.clone());
        if let Some(before) = lost.map(|lost| lost.span).or(record.previous) {
            let what = vec![KeyValue::new(attr::LINK, attr::LINK_PREVIOUS_ATTEMPT)];
            span.add_link_with_attributes(telemetry::context::span_context(before), what);
        }
    }
}

/// Why the job is dead-lettered, if it was interrupted too often.
fn used_up(interruptions: Interruptions) -> Option<String> {
    let Interruptions { total, isolated, .. } = interruptions;
    if isolated >= ISOLATED_DEATHS_MAX {
        return Some(format!("the job's child process died {isolated} times"));
    }
    (total >= INTERRUPTIONS_MAX).then(|| format!("{total} of the job's workers were lost"))
}

fn has_never_run(record: &JobRecord) -> bool {
    record.state == JobState::Queued && record.lease.is_none() && record.attempts.processor == 0
}

fn is_leased(entry: &Entry, token: &Lease) -> bool {
    entry.record.lease.as_ref().is_some_and(|lease| lease.is_same_run(token))
}

/// When the queue wait began: for a retry when it was due. None after an interruption, which is no wait.
fn waiting_since(delivery: &Delivery, record: &JobRecord) -> Option<i64> {
    match record.state {
        JobState::Running => None,
        JobState::Retrying => record.times.retry_ms,
        _ => Some(delivery.published_at_ms()),
    }
}
