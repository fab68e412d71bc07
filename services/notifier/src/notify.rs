//! The handler: sends one notification for each completion.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use bus::{Bus, Delivery, Failure, Handled, Handler, RecordSession, records::RecordError};
use contract::{
    completion::CompletionEvent,
    job::Notify,
    record::JobRecord,
    signals::{self, attr, notification, reason},
};
use faults::FaultPoint;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    attempted::Attempted,
    channel::{Notification, Sent, Webhook, log},
};

/// Sends notifications to submitters.
pub(crate) struct Notifier {
    pub(crate) bus: Arc<Bus>,
    pub(crate) webhook: Webhook,
    /// How long a notification may wait for its receiver.
    pub(crate) age_max: Duration,
    pub(crate) attempted: Attempted,
}

impl Handler for Notifier {
    async fn handle(&self, delivery: &Delivery) -> Result<Handled, Failure> {
        let done: CompletionEvent = delivery.json()?;
        let span = Span::current();
        span.set_attribute(attr::JOB_KIND, done.job.spec.kind().name());
        span.set_attribute(attr::JOB_OUTCOME, done.outcome.name());
        span.set_attribute(attr::JOB_ROUND, i64::from(done.job.round));
        // On the first delivery no attempt was spent; a failed one opens the record to count it there.
        let (mut record, mut _guard) = (None, None);
        if delivery.redelivered {
            let session = self.open(delivery, &done).await?;
            // A delivery that this process postponed before an attempt was settled, not interrupted.
            if let Some(session) =
                session.as_ref().filter(|_| !self.attempted.is_unsent(delivery.seq))
            {
                _guard = Some(self.bus.start_redelivery(delivery, session).await?);
            }
            record = match session {
                Some(session) => Some(session.record().await),
                None => None,
            };
        }
        delivery.reach(FaultPoint::BeforeWork).await?;
        let notify = done.job.spec.notify.as_ref().unwrap_or(&Notify::Log);
        if !notify.wants(done.outcome) {
            note_wait(delivery, record.as_ref());
            self.count(notify, notification::UNWANTED);
            return Ok(Handled::Done);
        }
        let repeat = self.attempted.may_be_repeat(delivery.seq, delivery.redelivered);
        let sent = self.send(notify, &done, repeat).await;
        if matches!(sent, Sent::Postponed { attempted: false, .. }) {
            if !repeat {
                self.attempted.add_unsent(delivery.seq);
            }
        } else {
            self.attempted.remove(delivery.seq);
            note_wait(delivery, record.as_ref());
            delivery.reach(FaultPoint::AfterEffect).await?;
        }
        self.settle(delivery, notify, sent, repeat)
    }
}

impl Notifier {
    /// Opens the job's record, where attempts are counted. `None` if it has expired.
    async fn open(
        &self,
        delivery: &Delivery,
        done: &CompletionEvent,
    ) -> Result<Option<Arc<RecordSession>>, Failure> {
        let entry = match self.bus.records.load(done.job.id).await {
            // The message has all that the notification needs.
            Err(error @ RecordError::Unreadable { .. }) => {
                tracing::debug!(job_id = %done.job.id, %error, "cannot read record: attempts are counted by the broker");
                return Ok(None);
            }
            entry => entry?,
        };
        let Some(entry) = entry.filter(|entry| entry.record.round == done.job.round) else {
            return Ok(None);
        };
        let session = Arc::new(RecordSession::shared(self.bus.records.clone(), entry));
        delivery.open(session.clone());
        Ok(Some(session))
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
                self.webhook.send(url, &notification, self.bus.service.clock.true_now()).await
            }
        }
    }

    fn settle(
        &self,
        delivery: &Delivery,
        notify: &Notify,
        sent: Sent,
        repeat: bool,
    ) -> Result<Handled, Failure> {
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

    /// Dead-letters a refused notification at once.
    fn refused(&self, notify: &Notify, reason: &'static str, why: String) -> Failure {
        self.count(notify, notification::REFUSED);
        Failure::reject(reason, anyhow!(why))
    }

    /// Returns an error if the notification is too old, by the broker's clock.
    fn check_age(&self, delivery: &Delivery, why: &str) -> Result<(), Failure> {
        let age_ms = self.bus.time.now_ms().saturating_sub(delivery.published_at_ms());
        if u128::from(age_ms.max(0).unsigned_abs()) < self.age_max.as_millis() {
            return Ok(());
        }
        let cause = anyhow!("not delivered within {:?}: {why}", self.age_max);
        Err(Failure::UsedUp { reason: reason::NOTICE_TOO_OLD, cause })
    }

    fn count(&self, notify: &Notify, outcome: &str) {
        self.bus.service.metrics.count(&signals::NOTIFICATIONS, &[notify.channel(), outcome]);
    }
}

fn note_wait(delivery: &Delivery, record: Option<&JobRecord>) {
    let retry_ms = record
        .filter(|record| record.attempts.notifier > 0)
        .and_then(|record| record.times.retry_ms);
    delivery.note_queue_wait(retry_ms.unwrap_or_else(|| delivery.published_at_ms()));
}
