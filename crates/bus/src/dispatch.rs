//! One delivery from end to end: span, attempt, decision, and the one reply to the broker.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use contract::{
    signals::{self, attr, reason},
    topology::Consumer,
    verdict::Verdict,
};
use futures_util::FutureExt;
use opentelemetry::trace::Status;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    AttemptResult, Bus, Decision, Delivery, Failure, Handler, Settlement, decide::decide,
    keep_alive::keep_alive, spans,
};

/// Timeout of the broker's confirmation of an ack.
const ACK_TIMEOUT: Duration = Duration::from_secs(2);
/// How often an ack is sent before the message is left to be redelivered.
const ACK_TRIES: u32 = 3;

/// Runs the handler on each delivery of a worker and settles it.
pub(crate) struct Dispatcher<H> {
    pub(crate) bus: Arc<Bus>,
    pub(crate) consumer: Consumer,
    pub(crate) handler: H,
    pub(crate) ack_wait: Duration,
}

impl<H: Handler> Dispatcher<H> {
    /// Handles one delivery and settles it.
    pub(crate) async fn dispatch(&self, delivery: Delivery) {
        let span = spans::process(&self.bus, self.consumer, &delivery);
        self.dispatch_in_span(&delivery).instrument(span).await;
    }

    async fn dispatch_in_span(&self, delivery: &Delivery) {
        let started = Instant::now();
        let (mut attempt, outcome) = self.attempt(delivery).await;
        let budget = self.handler.budget(delivery, &mut attempt, &outcome).await;
        let decision = decide(&outcome, budget, rand::random());
        let failure = outcome.err();
        let detail = failure.as_ref().map(ToString::to_string).unwrap_or_default();
        let settled = self.settle(delivery, attempt, decision, &detail).await;
        let (verdict, failure) = match settled {
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

    /// Opens the message and does its work, while lease and ack wait are renewed.
    async fn attempt(&self, delivery: &Delivery) -> (H::Attempt, AttemptResult) {
        let opened = self.guard(delivery, None, self.handler.open(delivery)).await;
        let mut attempt = match opened {
            Ok(attempt) => attempt,
            Err(failure) => return (self.handler.unopened(delivery), Err(failure)),
        };
        let lease = H::lease(&attempt);
        let run = Box::pin(self.handler.run(delivery, &mut attempt));
        let outcome = self.guard(delivery, lease, run).await.flatten();
        (attempt, outcome)
    }

    /// Awaits a step of the attempt, but not longer than the lease is held and the process may run. A panic is a failed
    /// attempt.
    async fn guard<T>(
        &self,
        delivery: &Delivery,
        lease: Option<H::Lease>,
        step: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            done = AssertUnwindSafe(step).catch_unwind() => done.map_err(|panic| Failure::retry(anyhow!("panicked: {}", message_of(&*panic)))),
            failure = keep_alive(delivery, lease.as_ref(), self.ack_wait) => Err(failure),
            () = delivery.hard_stop.cancelled() => Err(Failure::stopping()),
        }
    }

    /// Carries out the decision and replies to the broker. That can take as long as the broker takes to reply, so the
    /// lease is renewed meanwhile: by a future of its own, because one that was left waiting by [`Self::guard`] could
    /// hold a lock of the attempt.
    async fn settle(
        &self,
        delivery: &Delivery,
        attempt: H::Attempt,
        decision: Decision,
        detail: &str,
    ) -> Result<(), Failure> {
        match decision {
            Decision::Fenced => return Err(Failure::Fenced),
            Decision::Discard(reason) => {
                self.bus.service.metrics.count(&signals::EVENTS_DISCARDED, &[reason]);
            }
            Decision::Done | Decision::Requeue { .. } | Decision::DeadLetter { .. } => {}
        }
        let lease = H::lease(&attempt);
        let settle = async {
            match self.handler.settle(delivery, attempt, decision, detail).await? {
                Settlement::Ack => self.ack(delivery).await,
                Settlement::Nak(after) => nak(delivery, after).await,
            }
            Ok(())
        };
        tokio::select! {
            biased;
            settled = settle => settled,
            failure = keep_alive(delivery, lease.as_ref(), self.ack_wait) => Err(failure),
        }
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
        if failure.is_some() || started.elapsed() > spans::ACK_SPAN_FROM {
            spans::ack(&self.bus, started.elapsed(), failure);
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

async fn nak(delivery: &Delivery, after: Duration) {
    if let Err(error) = delivery.ack_guard.nak(after).await {
        tracing::debug!(%error, "send nak failed; the message is redelivered after the ack wait");
    }
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
