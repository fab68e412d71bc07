//! Writes what the decision about an attempt means for its job, before the broker gets its reply.

use std::time::Duration;

use bus::{Decision, Delivery, Failure, Settlement};
use contract::{Stage, record::JobFailure, signals::reason, state::JobState};
use faults::FaultPoint;

use crate::{
    Attempt, Jobs,
    dead_letter::{self, DeadLetterReason},
};

/// How an attempt is requeued.
struct Requeue<'a> {
    /// Attempts used up, this one included.
    attempts: u32,
    /// Redelivery delay.
    after: Duration,
    /// What happened.
    detail: &'a str,
}

/// Carries out the decision, and returns the reply to the broker.
pub(crate) async fn settle(
    jobs: &Jobs,
    delivery: &Delivery,
    attempt: Attempt,
    decision: Decision,
    detail: &str,
) -> Result<Settlement, Failure> {
    match decision {
        Decision::Fenced => return Err(Failure::Fenced),
        Decision::Done | Decision::Discard(_) => {}
        Decision::Requeue { attempts, after } => {
            return requeue(jobs, delivery, &attempt, Requeue { attempts, after, detail }).await;
        }
        Decision::DeadLetter { reason, attempts, .. } => {
            let why = DeadLetterReason { reason, detail: detail.to_owned(), attempts };
            dead_letter::publish(jobs, delivery, &attempt, &why).await?;
        }
    }
    attempt.faults.reach(FaultPoint::BeforeAck).await?;
    Ok(Settlement::Ack)
}

async fn requeue(
    jobs: &Jobs,
    delivery: &Delivery,
    attempt: &Attempt,
    requeue: Requeue<'_>,
) -> Result<Settlement, Failure> {
    let (attempts, after) = (requeue.attempts, requeue.after);
    match note_attempt(jobs, attempt, requeue).await {
        // A job with an accepted cancel is redelivered immediately, to be ended.
        Ok(is_cancelled) => Ok(Settlement::Nak(if is_cancelled { Duration::ZERO } else { after })),
        // The record cannot count the attempt: the retries would never end.
        Err(Failure::Reject { reason, cause }) => {
            let why = DeadLetterReason { reason, detail: format!("{cause:#}"), attempts };
            dead_letter::publish(jobs, delivery, attempt, &why).await?;
            Ok(Settlement::Ack)
        }
        Err(failure) => Err(failure),
    }
}

/// Records a spent attempt, and that the job no longer runs. Returns whether the job is to be cancelled.
async fn note_attempt(
    jobs: &Jobs,
    attempt: &Attempt,
    requeue: Requeue<'_>,
) -> Result<bool, Failure> {
    let Some(session) = &attempt.record else { return Ok(false) };
    let stage = jobs.bus.stage;
    if stage == Stage::Processor && session.record().await.state.is_terminal() {
        // This run has already ended the job; only its completion event is not published yet.
        return Ok(false);
    }
    let span = telemetry::current_span_ref();
    let wait_ms = i64::try_from(requeue.after.as_millis()).unwrap_or(i64::MAX);
    let due_ms = jobs.stamp_ms().saturating_add(wait_ms);
    let change = session.change(|record| {
        let is_spent = requeue.attempts > record.attempts.of(stage);
        let was_running = stage == Stage::Processor && record.state == JobState::Running;
        if is_spent {
            record.attempts.set(stage, requeue.attempts);
        }
        if is_spent && stage == Stage::Processor {
            record.failure = Some(JobFailure::new(reason::WORK_FAILED, requeue.detail));
        }
        if is_spent || was_running {
            record.previous = span.or(record.previous);
            record.times.retry_ms = Some(due_ms);
        }
        if was_running {
            record.move_to(JobState::Retrying)?;
        }
        record.handling = record.handling.filter(|handling| handling.stage != stage);
        Ok(())
    });
    Ok(change.await?.cancel_requested)
}
