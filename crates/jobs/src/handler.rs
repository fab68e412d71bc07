//! The work of a stage on jobs, and how it becomes the handler of a queue.

use std::{future::Future, mem};

use bus::{AttemptResult, Budget, Decision, Delivery, Failure, Handled, Handler, Settlement};
use contract::{Stage, signals::attr};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{Attempt, Jobs, run::RunLease, settle};

/// Maximum number of attempts in the stages for which a client cannot set it.
const STAGE_ATTEMPTS_MAX: u32 = 8;

/// What a stage does with a job. What becomes of job and message is decided and written by this crate.
pub trait JobHandler: Send + Sync + 'static {
    /// What is to be done in one attempt.
    type Work: Send + Sync;

    /// Reads the message, opens the job's record, and says what is to be done. Idempotent, for the message may be
    /// delivered again.
    fn open(&self, delivery: &Delivery) -> impl Future<Output = Opened<Self::Work>> + Send;

    /// Does the work.
    fn run(
        &self,
        delivery: &Delivery,
        attempt: &mut Attempt,
        work: Self::Work,
    ) -> impl Future<Output = AttemptResult> + Send;
}

/// An attempt, and what is to be done in it.
pub struct Opened<W> {
    /// What is known about the job, and held of it.
    pub attempt: Attempt,
    /// The work, or the outcome of an attempt without work.
    pub next: Next<W>,
}

/// What follows once an attempt is open.
pub enum Next<W> {
    /// Do this.
    Work(W),
    /// Nothing is to be done: this is the outcome.
    Outcome(AttemptResult),
}

/// A stage as the handler of its queue.
pub(crate) struct StageHandler<H> {
    pub(crate) jobs: Jobs,
    pub(crate) stage: H,
}

impl<H: JobHandler> Handler for StageHandler<H> {
    type Attempt = Opened<H::Work>;
    type Lease = RunLease;

    async fn open(&self, delivery: &Delivery) -> Self::Attempt {
        self.stage.open(delivery).await
    }

    fn unopened(&self, delivery: &Delivery) -> Self::Attempt {
        let attempt = Attempt::new(&self.jobs, delivery);
        Opened { attempt, next: Next::Outcome(Ok(Handled::Done)) }
    }

    fn lease(opened: &Self::Attempt) -> Option<RunLease> {
        opened.attempt.lease.clone()
    }

    async fn run(&self, delivery: &Delivery, opened: &mut Self::Attempt) -> AttemptResult {
        match mem::replace(&mut opened.next, Next::Outcome(Ok(Handled::Done))) {
            Next::Work(work) => self.stage.run(delivery, &mut opened.attempt, work).await,
            Next::Outcome(outcome) => outcome,
        }
    }

    async fn budget(
        &self,
        delivery: &Delivery,
        opened: &mut Self::Attempt,
        outcome: &AttemptResult,
    ) -> Budget {
        if outcome.is_err() {
            opened.attempt.open_record(&self.jobs, delivery).await;
        }
        budget(self.jobs.bus.stage, delivery, &opened.attempt).await
    }

    async fn settle(
        &self,
        delivery: &Delivery,
        opened: Self::Attempt,
        decision: Decision,
        detail: &str,
    ) -> Result<Settlement, Failure> {
        settle::settle(&self.jobs, delivery, opened.attempt, decision, detail).await
    }
}

/// The attempts of the job's record; without a record, the broker's deliveries: without a count the retries would never
/// end.
async fn budget(stage: Stage, delivery: &Delivery, attempt: &Attempt) -> Budget {
    let span = Span::current();
    let Some(session) = &attempt.record else {
        if stage != Stage::Processor {
            span.set_attribute(attr::JOB_ATTEMPT, i64::from(delivery.deliveries));
        }
        return Budget { used: delivery.deliveries.saturating_sub(1), max: STAGE_ATTEMPTS_MAX };
    };
    let record = session.record().await;
    let used = record.attempts.of(stage);
    if stage == Stage::Processor {
        // The claim sets the span's attempt number.
        return Budget { used, max: record.attempts_max };
    }
    span.set_attribute(attr::JOB_ATTEMPT, i64::from(used) + 1);
    span.set_attribute(attr::JOB_ROUND, i64::from(record.round));
    Budget { used, max: STAGE_ATTEMPTS_MAX }
}
