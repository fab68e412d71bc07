//! The handler: sends one notification for each completion.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use bus::{AttemptResult, Delivery, Failure, Handled};
use contract::{
    completion::CompletionEvent,
    job::Notify,
    record::JobRecord,
    signals::{self, attr, notification, reason},
};
use faults::FaultPoint;
use jobs::{
    Attempt, JobHandler, Jobs, Opened, RecordError, RecordSession, Redeliveries,
    interruptions::RedeliveryGuard,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    attempted::Attempted,
    channel::{Notification, Sent, Webhook, log},
};

/// Sends notifications to submitters.
pub(crate) struct Notifier {
    pub(crate) jobs: Jobs,
    pub(crate) webhook: Webhook,
    /// How long a notification may wait for its receiver.
    pub(crate) age_max: Duration,
    pub(crate) attempted: Attempted,
    pub(crate) redeliveries: Redeliveries,
}

/// A notification to send.
pub(crate) struct ToSend {
    done: CompletionEvent,
    /// The job's record, read on a redelivery.
    record: Option<JobRecord>,
    _guard: Option<RedeliveryGuard>,
}

impl ToSend {
    /// A notification of which no delivery is known before this one.
    const fn first(done: CompletionEvent) -> Self {
        Self { done, record: None, _guard: None }
    }
}

impl JobHandler for Notifier {
    type Work = ToSend;

    async fn open(&self, delivery: &Delivery) -> Opened<ToSend> {
        let attempt = Attempt::new(&self.jobs, delivery);
        let done: CompletionEvent = match delivery.json() {
            Ok(done) => done,
            Err(failure) => return attempt.with_outcome(Err(failure)),
        };
        note_job(&done);
        if !delivery.redelivered {
            // No attempt was spent yet, so the record is not read.
            return attempt.with_work(ToSend::first(done));
        }
        match self.record_of(&done).await {
            Ok(Some(session)) => {
                let attempt = attempt.with_record(session.clone());
                match self.redelivered(delivery, &session, done).await {
                    Ok(work) => attempt.with_work(work),
                    Err(failure) => attempt.with_outcome(Err(failure)),
                }
            }
            Ok(None) => attempt.with_work(ToSend::first(done)),
            Err(failure) => attempt.with_outcome(Err(failure)),
        }
    }

    async fn run(&self, delivery: &Delivery, attempt: &mut Attempt, work: ToSend) -> AttemptResult {
        let ToSend { done, record, .. } = &work;
        attempt.faults.reach(FaultPoint::BeforeWork).await?;
        let notify = done.job.spec.notify.as_ref().unwrap_or(&Notify::Log);
        if !notify.wants(done.outcome) {
            self.note_wait(delivery, record.as_ref());
            self.count(notify, notification::UNWANTED);
            return Ok(Handled::Done);
        }
        let repeat = self.attempted.may_be_repeat(delivery.seq, delivery.redelivered);
        let sent = self.send(notify, done, repeat).await;
        if matches!(sent, Sent::Postponed { attempted: false, .. }) {
            if !repeat {
                self.attempted.add_unsent(delivery.seq);
            }
        } else {
            self.attempted.remove(delivery.seq);
            self.note_wait(delivery, record.as_ref());
            attempt.faults.reach(FaultPoint::AfterEffect).await?;
        }
        self.outcome(delivery, notify, sent, repeat)
    }
}

impl Notifier {
    /// The job's record, where attempts are counted. `None` if it has expired.
    async fn record_of(
        &self,
        done: &CompletionEvent,
    ) -> Result<Option<Arc<RecordSession>>, Failure> {
        let entry = match self.jobs.records.load(done.job.id).await {
            // The message has all that the notification needs.
            Err(error @ RecordError::Unreadable { .. }) => {
                tracing::debug!(job_id = %done.job.id, %error, "cannot read record: attempts are counted by the broker");
                return Ok(None);
            }
            entry => entry?,
        };
        let entry = entry.filter(|entry| entry.record.round == done.job.round);
        let open = |entry| Arc::new(RecordSession::shared(self.jobs.records.clone(), entry));
        Ok(entry.map(open))
    }

    /// The work of a redelivery. One that this process postponed before an attempt was settled, not interrupted.
    async fn redelivered(
        &self,
        delivery: &Delivery,
        session: &RecordSession,
        done: CompletionEvent,
    ) -> Result<ToSend, Failure> {
        let guard = if self.attempted.is_unsent(delivery.seq) {
            None
        } else {
            Some(self.redeliveries.start(&self.jobs, delivery, session).await?)
        };
        Ok(ToSend { done, record: Some(session.record().await), _guard: guard })
    }

    async fn send(&self, notify: &Notify, done: &CompletionEvent, repeat: bool) -> Sent {
        let trace_id =
            telemetry::current_span_ref().map(|span| span.trace_hex()).unwrap_or_default();
        let notification = Notification { done, trace_id: &trace_id };
        match notify {
            Notify::Log => {
                log::write(&notification);
                Sent::Delivered { status: 200 }
            }
            Notify::Webhook { url, .. } => {
                if repeat {
                    Span::current().set_attribute(attr::WEBHOOK_REPEAT, true);
                }
                self.webhook.send(url, &notification, self.jobs.bus.service.clock.true_now()).await
            }
        }
    }

    fn outcome(
        &self,
        delivery: &Delivery,
        notify: &Notify,
        sent: Sent,
        repeat: bool,
    ) -> AttemptResult {
        match sent {
            Sent::Delivered { .. } => {
                let repeated = repeat && matches!(notify, Notify::Webhook { .. });
                self.count(
                    notify,
                    if repeated { notification::REPEATED } else { notification::DELIVERED },
                );
                Ok(Handled::Done)
            }
            Sent::Failed { after, why } => {
                self.count(notify, notification::FAILED);
                self.check_age(delivery, &why)?;
                Err(Failure::Retry { cause: anyhow!(why), after })
            }
            Sent::Postponed { after, why, .. } => {
                self.count(notify, notification::POSTPONED);
                self.check_age(delivery, &why)?;
                let reason = reason::RECEIVER_NOT_READY;
                Err(Failure::Postpone { reason, cause: anyhow!(why), after })
            }
            Sent::Refused { why } => Err(self.refused(notify, reason::NOTIFICATION_REFUSED, why)),
            Sent::NotAllowed { why } => Err(self.refused(notify, reason::ADDRESS_REFUSED, why)),
        }
    }

    /// Dead-letters a refused notification immediately.
    fn refused(&self, notify: &Notify, reason: &'static str, why: String) -> Failure {
        self.count(notify, notification::REFUSED);
        Failure::reject(reason, anyhow!(why))
    }

    /// Returns an error if the notification is too old, by the broker's clock.
    fn check_age(&self, delivery: &Delivery, why: &str) -> Result<(), Failure> {
        let age_ms = self.jobs.bus.nats.time.now_ms().saturating_sub(delivery.published_at_ms());
        if u128::from(age_ms.max(0).unsigned_abs()) < self.age_max.as_millis() {
            return Ok(());
        }
        let cause = anyhow!("not delivered within {:?}: {why}", self.age_max);
        Err(Failure::UsedUp { reason: reason::NOTICE_TOO_OLD, cause })
    }

    fn count(&self, notify: &Notify, outcome: &str) {
        self.jobs.bus.service.metrics.count(&signals::NOTIFICATIONS, &[notify.channel(), outcome]);
    }

    fn note_wait(&self, delivery: &Delivery, record: Option<&JobRecord>) {
        let retry_ms = record
            .filter(|record| record.attempts.notifier > 0)
            .and_then(|record| record.times.retry_ms);
        let since_ms = retry_ms.unwrap_or_else(|| delivery.published_at_ms());
        delivery.note_queue_wait(&self.jobs.bus, since_ms);
    }
}

fn note_job(done: &CompletionEvent) {
    let span = Span::current();
    span.set_attribute(attr::JOB_KIND, done.job.spec.kind().name());
    span.set_attribute(attr::JOB_OUTCOME, done.outcome.name());
    span.set_attribute(attr::JOB_ROUND, i64::from(done.job.round));
}
