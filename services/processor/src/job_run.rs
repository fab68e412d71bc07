//! The handler: one run of a job, from the claim to its outcome.

use std::{sync::Arc, time::Duration};

use bus::{Bus, Claim, Claims, Completion, Delivery, Failure, Handled, Handler, Run};
use contract::{
    job::Job,
    operation::Operation,
    record::JobFailure,
    result::{OperationOutcome, OperationResult},
    signals::{attr, reason},
    state::Outcome,
};
use faults::FaultPoint;
use operations::run::{OperationContext, OperationError};
use tokio_util::sync::CancellationToken;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    isolation::{self, Request},
    operation_run::{OperationRun, Stopped},
};

/// Least redelivery delay of a job that another worker runs.
const BUSY_PAUSE_MIN: Duration = Duration::from_millis(50);

/// Runs jobs.
pub(crate) struct RunJobs {
    pub(crate) bus: Arc<Bus>,
    pub(crate) claims: Claims,
}

impl Handler for RunJobs {
    async fn handle(&self, delivery: &Delivery) -> Result<Handled, Failure> {
        let job = delivery.as_job()?;
        Span::current().set_attribute(attr::JOB_KIND, job.spec.kind().name());
        match self.claims.claim(delivery, &job).await? {
            Claim::Run(run) => self.run(delivery, &job, &run).await,
            Claim::Ended(record) => {
                self.bus.publish_completion(&record, &job).await?;
                Ok(Handled::Done)
            }
            Claim::LeasedElsewhere { after, why } => {
                Err(later(reason::OWNED_ELSEWHERE, why, after))
            }
            Claim::NoCapacity(after) => Err(later(
                reason::NO_CAPACITY,
                "no child process is free for an isolated run",
                after,
            )),
            Claim::Stale => Ok(Handled::Discard(reason::STALE_ROUND)),
        }
    }
}

fn later(reason: &'static str, why: impl Into<String>, after: Duration) -> Failure {
    let cause = anyhow::Error::msg(why.into());
    Failure::Postpone { reason, cause, after: after.max(BUSY_PAUSE_MIN) }
}

/// Result of the operations of a job.
struct Work {
    results: Vec<OperationResult>,
    outcome: Outcome,
    failure: Option<JobFailure>,
}

impl RunJobs {
    async fn run(&self, delivery: &Delivery, job: &Job, run: &Run) -> Result<Handled, Failure> {
        let work = self.work(delivery, job, run).await?;
        let name = run.lease.run_name();
        let results = self.bus.results.keep(job.id, &name, work.results).await;
        let results = results.map_err(Failure::postpone)?;
        let completion = Completion {
            outcome: work.outcome,
            failure: work.failure,
            run: Some(name),
            results,
            dead_letter: None,
        };
        self.bus.finish(delivery, &run.session, job, &completion).await
    }

    /// Runs the operations in order, until one fails, the job is cancelled, or the deadline passes.
    async fn work(&self, delivery: &Delivery, job: &Job, run: &Run) -> Result<Work, Failure> {
        let stop = CancellationToken::new();
        // CPU work on other threads must stop when this future ends or is dropped.
        let _stop_on_drop = stop.clone().drop_guard();
        let mut results = Vec::with_capacity(job.spec.operations.len());
        tokio::select! {
            biased;
            () = run.cancelled.cancelled() => return Ok(Work::stopped(Stopped::Cancelled, results, &job.spec.operations)),
            () = self.deadline(job) => return Ok(Work::stopped(Stopped::Deadline, results, &job.spec.operations)),
            reached = self.reach_before_work(delivery, run) => reached?,
        }
        for (index, operation) in job.spec.operations.iter().enumerate() {
            let one = OperationRun { bus: &self.bus, job: job.id, run, index, operation };
            let stopped = tokio::select! {
                biased;
                () = run.cancelled.cancelled() => Err(Stopped::Cancelled),
                () = self.deadline(job) => Err(Stopped::Deadline),
                done = one.perform(stop.child_token()) => Ok(done?),
            };
            let done = match stopped {
                Ok(done) => done,
                Err(stopped) => return Ok(Work::stopped(stopped, results, &job.spec.operations)),
            };
            let error = match &done.result {
                Some(OperationOutcome::Error(error)) => Some(error.clone()),
                _ => None,
            };
            results.push(done);
            if let Some(error) = error {
                return Ok(Work::failed(index, operation, &error, results, &job.spec.operations));
            }
        }
        Ok(Work { results, outcome: Outcome::Succeeded, failure: None })
    }

    /// The fault point before the work. In an isolated run its fault acts in a child process, as the operations do.
    async fn reach_before_work(&self, delivery: &Delivery, run: &Run) -> Result<(), Failure> {
        if !run.lease.isolated {
            return delivery.reach(FaultPoint::BeforeWork).await;
        }
        let Some(fault) = delivery.fault_at(FaultPoint::BeforeWork) else { return Ok(()) };
        let context = OperationContext::without_store();
        let request = Request::Fault(fault.to_string());
        match isolation::run(&request, &context).await {
            Ok(_) => Ok(()),
            Err(OperationError::ChildLost(how)) => Err(run.child_lost(&self.bus, &how).await),
            Err(OperationError::Unavailable(error)) => Err(Failure::postpone(error)),
            Err(error) => Err(Failure::retry(error)),
        }
    }

    /// Returns when the job's deadline has passed, by the broker's time.
    async fn deadline(&self, job: &Job) {
        let Some(deadline_ms) = job.deadline_at_ms else { return std::future::pending().await };
        let left_ms = deadline_ms.saturating_sub(self.bus.time.now_ms());
        // Checked first, because the shortest sleep is longer than a small job: a late job must not start.
        if left_ms > 0 {
            tokio::time::sleep(Duration::from_millis(left_ms.unsigned_abs())).await;
        }
    }
}

impl Work {
    fn stopped(why: Stopped, results: Vec<OperationResult>, all: &[Operation]) -> Self {
        let (outcome, failure) = match why {
            Stopped::Cancelled => {
                (Outcome::Cancelled, JobFailure::new(reason::CANCELLED, "cancelled while it ran"))
            }
            Stopped::Deadline => (
                Outcome::Failed,
                JobFailure::new(reason::DEADLINE_PASSED, "not done before its deadline"),
            ),
        };
        Self { results: with_the_rest(results, all), outcome, failure: Some(failure) }
    }

    fn failed(
        index: usize,
        operation: &Operation,
        error: &str,
        results: Vec<OperationResult>,
        all: &[Operation],
    ) -> Self {
        let detail = format!("operations[{index}] {}: {error}", operation.kind());
        let failure = JobFailure::new(reason::OPERATION_FAILED, &detail);
        Self {
            results: with_the_rest(results, all),
            outcome: Outcome::Failed,
            failure: Some(failure),
        }
    }
}

/// Adds the operations that were not reached, without a result.
fn with_the_rest(mut results: Vec<OperationResult>, all: &[Operation]) -> Vec<OperationResult> {
    let rest = all.iter().skip(results.len());
    results.extend(rest.map(|operation| OperationResult {
        operation: operation.clone(),
        result: None,
        milliseconds: None,
    }));
    results
}
