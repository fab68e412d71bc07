//! The handler: one notice for one ended job.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use bus::{Bus, Delivery, Failure, Handled, Handler, RecordSession, records::RecordError};
use contract::{
    api::JobDone,
    job::Notify,
    record::JobRecord,
    signals::{self, attr, notification, reason},
};
use faults::FaultPoint;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    attempted::Attempted,
    channel::{Notice, Sent, Webhook, log},
};

/// Tells owners.
pub(crate) struct Announce {
    pub(crate) bus: Arc<Bus>,
    pub(crate) webhook: Webhook,
    /// How long a notice may wait for its receiver.
    pub(crate) age_max: Duration,
    pub(crate) attempted: Attempted,
}

impl Handler for Announce {
    async fn handle(&self, delivery: &Delivery) -> Result<Handled, Failure> {
        let done: JobDone = delivery.json()?;
        let span = Span::current();
        span.set_attribute(attr::JOB_KIND, done.job.spec.kind().name());
        span.set_attribute(attr::JOB_OUTCOME, done.outcome.name());
        span.set_attribute(attr::JOB_ROUND, i64::from(done.job.round));
        // At first no attempt can have been spent; one that fails opens the record to count there.
        let (mut record, mut _turn) = (None, None);
        if delivery.redelivered {
            let session = self.open(delivery, &done).await?;
            // What this process put off before it was sent has ended in order.
            if let Some(session) =
                session.as_ref().filter(|_| !self.attempted.is_kept(delivery.seq))
            {
                _turn = Some(self.bus.begin_redelivered(delivery, session).await?);
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
        if matches!(sent, Sent::PutOff { tried: false, .. }) {
            if !repeat {
                self.attempted.keep(delivery.seq);
            }
        } else {
            self.attempted.forget(delivery.seq);
            note_wait(delivery, record.as_ref());
            delivery.reach(FaultPoint::AfterEffect).await?;
        }
        self.judge(delivery, notify, sent, repeat)
    }
}

impl Announce {
    /// Ties the delivery to the job's record, where attempts are counted. A record can have expired.
    async fn open(
        &self,
        delivery: &Delivery,
        done: &JobDone,
    ) -> Result<Option<Arc<RecordSession>>, Failure> {
        let entry = match self.bus.records.load(done.job.id).await {
            // Who is told, and what, stands in the message.
            Err(error @ RecordError::Unreadable { .. }) => {
                tracing::debug!(job_id = %done.job.id, %error, "attempts are counted by the broker");
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

    async fn send(&self, notify: &Notify, done: &JobDone, repeat: bool) -> Sent {
        let trace_id =
            telemetry::current_span_ref().map(|span| span.trace_hex()).unwrap_or_default();
        let notice = Notice { done, trace_id: &trace_id };
        match notify {
            Notify::Log => {
                log::tell(&notice);
                Sent::Delivered { status: 200 }
            }
            Notify::Webhook { url, .. } => {
                if repeat {
                    Span::current().set_attribute(attr::WEBHOOK_REPEAT, true);
                }
                self.webhook.send(url, &notice, self.bus.service.clock.true_now()).await
            }
        }
    }

    fn judge(
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
            Sent::Again { after, why } => {
                self.count(notify, notification::FAILED);
                self.check_age(delivery, &why)?;
                Err(Failure::Retry { cause: anyhow!(why), after })
            }
            Sent::PutOff { after, why, .. } => {
                self.count(notify, notification::POSTPONED);
                self.check_age(delivery, &why)?;
                let reason = reason::RECEIVER_NOT_READY;
                Err(Failure::Postpone { reason, cause: anyhow!(why), after })
            }
            Sent::Refused { why } => Err(self.refused(notify, reason::NOTIFICATION_REFUSED, why)),
            Sent::NotAllowed { why } => Err(self.refused(notify, reason::ADDRESS_REFUSED, why)),
        }
    }

    /// Put away at once, whoever refused it.
    fn refused(&self, notify: &Notify, reason: &'static str, why: String) -> Failure {
        self.count(notify, notification::REFUSED);
        Failure::reject(reason, anyhow!(why))
    }

    /// Gives up what could not be delivered for too long, by the broker's clock.
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
