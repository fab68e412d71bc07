//! One delivery from end to end: span, handler, verdict, and the one reply to the broker.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use contract::{
    Stage,
    record::JobFailure,
    signals::{self, attr, reason},
    state::JobState,
    topology::Consumer,
    verdict::Verdict,
};
use faults::FaultPoint;
use futures_util::FutureExt;
use opentelemetry::trace::Status;
use tokio::time::interval_at;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    Bus, Delivery, Failure, Handled, Handler, RecordSession, SessionError,
    dead_letter::{self, DeadLetterReason},
    decide::{Decision, decide},
    job_spans,
    records::RecordError,
};

/// Most attempts in the stages for which a client cannot set it.
const STAGE_ATTEMPTS_MAX: u32 = 8;
/// Timeout of the broker's confirmation of an ack.
const ACK_TIMEOUT: Duration = Duration::from_secs(2);
/// How often an ack is sent before the message is left to be redelivered.
const ACK_TRIES: u32 = 3;

/// How a message is requeued.
struct Requeue<'a> {
    /// Attempts used up, this one included.
    attempts: u32,
    /// Redelivery delay.
    after: Duration,
    /// What happened.
    detail: &'a str,
}

/// Runs the handler on each delivery of a worker and settles it.
pub(crate) struct Dispatcher<H> {
    pub(crate) bus: Arc<Bus>,
    pub(crate) consumer: Consumer,
    pub(crate) handler: H,
    pub(crate) ack_wait: Duration,
}

impl<H: Handler> Dispatcher<H> {
    /// Handles one delivery and settles it.
    pub(crate) async fn settle(&self, delivery: Delivery) {
        let span = job_spans::process(&self.bus, self.consumer, &delivery);
        self.settle_in_span(&delivery).instrument(span).await;
    }

    async fn settle_in_span(&self, delivery: &Delivery) {
        let started = Instant::now();
        let outcome = self.handle(delivery).await;
        if outcome.is_err() && delivery.session.get().is_none() {
            self.open_late(delivery).await;
        }
        let (attempts, attempts_max) = self.budget(delivery).await;
        let decision = decide(&outcome, attempts, attempts_max, rand::random());
        let failure = outcome.err();
        let detail = failure.as_ref().map(ToString::to_string).unwrap_or_default();
        // To settle can take as long as the broker takes to reply, so the lease is renewed until that is done. By a
        // future of its own: one that was left waiting in the handler's select could hold the record's lock.
        let performed = tokio::select! {
            biased;
            performed = self.perform(delivery, decision, &detail) => performed,
            failure = self.keep_alive(delivery) => Err(failure),
        };
        let (verdict, failure) = match performed {
            Ok(()) => (decision.verdict(), failure),
            Err(Failure::Fenced) => (Verdict::Fenced, Some(Failure::Fenced)),
            // The broker got no reply, so it redelivers the message.
            Err(failure) => (Verdict::Retry, Some(failure)),
        };
        let reason = decision.reason().or_else(|| failure.as_ref().map(Failure::reason));
        if let Some(reason) = reason {
            Span::current().set_attribute(attr::REASON, reason);
        }
        self.report(delivery, verdict, (reason, failure.as_ref()), started.elapsed());
    }

    /// Calls the handler while lease and ack wait are renewed. A panic is a failed attempt.
    async fn handle(&self, delivery: &Delivery) -> Result<Handled, Failure> {
        let work = AssertUnwindSafe(Box::pin(self.handler.handle(delivery))).catch_unwind();
        tokio::select! {
            biased;
            outcome = work => outcome.unwrap_or_else(|panic| Err(Failure::retry(anyhow!("panicked: {}", message_of(&*panic))))),
            failure = self.keep_alive(delivery) => Err(failure),
            () = delivery.hard_stop.cancelled() => Err(Delivery::stopping()),
        }
    }

    /// Renews the lease and then the broker's ack wait, every third of the ack wait.
    async fn keep_alive(&self, delivery: &Delivery) -> Failure {
        let every = self.ack_wait / 3;
        let mut ticks = interval_at(tokio::time::Instant::now() + every, every);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = delivery.renew_now.notified() => {}
            }
            if let Some(run) = delivery.run.get() {
                match run.renew().await {
                    Ok(()) => {}
                    Err(SessionError::Fenced) => return Failure::Fenced,
                    Err(error @ SessionError::Record(RecordError::Unreadable { .. })) => {
                        return error.into();
                    }
                    // The broker is away, so no other worker can change the record either.
                    Err(error) => {
                        tracing::debug!(%error, "renew lease failed");
                        continue;
                    }
                }
            }
            if let Err(error) = delivery.ack_guard.progress().await {
                tracing::debug!(%error, "send progress failed");
            }
        }
    }

    /// Opens the record for a handler that failed before it did: the attempt must be counted and a dead-lettered job
    /// must end. Not while a worker runs the job, and not in another round.
    async fn open_late(&self, delivery: &Delivery) {
        let Some((job, round)) = dead_letter::job_of(delivery) else { return };
        let Ok(Some(entry)) = self.bus.records.load(job).await else { return };
        if entry.record.round == round && entry.record.lease.is_none() {
            delivery.open(Arc::new(RecordSession::shared(self.bus.records.clone(), entry)));
        }
    }

    /// Attempts used up before this one, and how many there may be.
    async fn budget(&self, delivery: &Delivery) -> (u32, u32) {
        let (stage, span) = (self.consumer.stage, Span::current());
        let Some(session) = delivery.session.get() else {
            // Without a record only the broker counts deliveries; without a count the retries would never end.
            if stage != Stage::Processor {
                span.set_attribute(attr::JOB_ATTEMPT, i64::from(delivery.deliveries));
            }
            return (delivery.deliveries.saturating_sub(1), STAGE_ATTEMPTS_MAX);
        };
        let record = session.record().await;
        let attempts = record.attempts.of(stage);
        if stage == Stage::Processor {
            // The claim sets the span's attempt number.
            return (attempts, record.attempts_max);
        }
        span.set_attribute(attr::JOB_ATTEMPT, i64::from(attempts) + 1);
        span.set_attribute(attr::JOB_ROUND, i64::from(record.round));
        (attempts, STAGE_ATTEMPTS_MAX)
    }

    /// Carries out the decision. The record is written before the broker gets a reply.
    async fn perform(
        &self,
        delivery: &Delivery,
        decision: Decision,
        detail: &str,
    ) -> Result<(), Failure> {
        match decision {
            Decision::Fenced => return Err(Failure::Fenced),
            Decision::Done => {}
            Decision::Discard(reason) => {
                self.bus.service.metrics.count(&signals::EVENTS_DISCARDED, &[reason]);
            }
            Decision::Requeue { attempts, after } => {
                let requeue = Requeue { attempts, after, detail };
                let noted = match self.note_attempt(delivery, requeue).await {
                    // The record cannot count the attempt: the retries would never end.
                    Err(Failure::Reject { reason, cause }) => {
                        let detail = format!("{cause:#}");
                        self.bus
                            .dead_letter(delivery, &DeadLetterReason { reason, detail, attempts })
                            .await?;
                        self.ack(delivery).await;
                        return Ok(());
                    }
                    noted => noted?,
                };
                // A job with an accepted cancel is redelivered at once, to be ended.
                let after = if noted { Duration::ZERO } else { after };
                if let Err(error) = delivery.ack_guard.nak(after).await {
                    tracing::debug!(%error, "send nak failed; the message is redelivered after the ack wait");
                }
                return Ok(());
            }
            Decision::DeadLetter { reason, attempts, .. } => {
                self.bus
                    .dead_letter(
                        delivery,
                        &DeadLetterReason { reason, detail: detail.to_owned(), attempts },
                    )
                    .await?;
            }
        }
        delivery.reach(FaultPoint::BeforeAck).await?;
        self.ack(delivery).await;
        Ok(())
    }

    /// Records a spent attempt, and that the job no longer runs. Returns whether the job is to be cancelled.
    async fn note_attempt(
        &self,
        delivery: &Delivery,
        requeue: Requeue<'_>,
    ) -> Result<bool, Failure> {
        let Some(session) = delivery.session.get() else { return Ok(false) };
        let stage = self.consumer.stage;
        if stage == Stage::Processor && session.record().await.state.is_terminal() {
            // This run has already ended the job; only its completion event is not published yet.
            return Ok(false);
        }
        let span = telemetry::current_span_ref();
        let wait_ms = i64::try_from(requeue.after.as_millis()).unwrap_or(i64::MAX);
        let due_ms = self.bus.service.clock.stamp_ms().saturating_add(wait_ms);
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

    async fn ack(&self, delivery: &Delivery) {
        let started = Instant::now();
        let mut failure = None;
        for _ in 0..ACK_TRIES {
            failure = match tokio::time::timeout(ACK_TIMEOUT, delivery.ack_guard.ack()).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("the broker did not confirm the ack".to_owned()),
            };
            if failure.is_none() {
                break;
            }
        }
        if let Some(error) = &failure {
            tracing::warn!(
                error,
                seq = delivery.seq,
                "ack not confirmed; the message is redelivered and then recognised as done"
            );
        }
        if failure.is_some() || started.elapsed() > job_spans::ACK_SPAN_FROM {
            job_spans::ack(&self.bus, started.elapsed(), failure);
        }
    }

    /// Reports the verdict on the span, in the metrics and in the log.
    fn report(
        &self,
        delivery: &Delivery,
        verdict: Verdict,
        (reason, failure): (Option<&'static str>, Option<&Failure>),
        took: Duration,
    ) {
        let span = Span::current();
        span.set_attribute(attr::VERDICT, verdict.name());
        // To wait for another worker's lease, for capacity or for a receiver is no error.
        let waits = [reason::OWNED_ELSEWHERE, reason::NO_CAPACITY, reason::RECEIVER_NOT_READY];
        let is_wait = failure
            .is_some_and(|failure| verdict != Verdict::Fenced && waits.contains(&failure.reason()));
        let detail = failure.map(ToString::to_string).unwrap_or_default();
        if failure.is_some() && !is_wait {
            span.set_status(Status::error(detail.clone()));
        }
        let (stage, metrics) = (self.consumer.stage.name(), &self.bus.service.metrics);
        metrics.count(&signals::ATTEMPTS, &[stage, verdict.name()]);
        metrics.observe(&signals::STAGE_DURATION, &[stage, verdict.name()], took.as_secs_f64());
        if verdict == Verdict::Fenced {
            metrics.count(&signals::FENCED, &[stage]);
        }
        let job_id =
            delivery.event().ok().and_then(|event| event.subject.as_deref()).unwrap_or_default();
        let (ms, subject) = (took.as_secs_f64() * 1e3, &delivery.subject);
        if is_wait {
            tracing::info!(name: "attempt", job_id, %verdict, reason, ms, subject, detail, "{verdict} {subject}: postponed, {detail}");
        } else if failure.is_some() {
            tracing::warn!(name: "attempt", job_id, %verdict, reason, ms, subject, detail, "{verdict} {subject}: {detail}");
        } else {
            tracing::info!(name: "attempt", job_id, %verdict, reason, ms, subject, "{verdict} {subject} after {ms:.1} ms");
        }
    }
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
