//! The handler: one run of a job, from the claim to its outcome.

use std::{sync::Arc, time::Duration};

use bus::{AttemptResult, Delivery, Failure, Handled};
use contract::{
    job::Job,
    operation::Operation,
    record::{JobFailure, JobRecord},
    result::{OperationOutcome, OperationResult},
    signals::{attr, reason},
    state,
};
use faults::FaultPoint;
use jobs::{
    Attempt, Claim, Claims, Completion, FaultPoints, JobHandler, Jobs, Opened, Run, completion,
    message,
};
use operations::run::{OperationContext, OperationError};
use tokio_util::sync::CancellationToken;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    isolation::{self, Request},
    operation_run::{OperationRun, Stopped},
};

/// Least redelivery delay of a job that another worker runs.
const LEASED_DELAY_MIN: Duration = Duration::from_millis(50);

/// Runs jobs.
pub(crate) struct RunJobs {
    pub(crate) jobs: Jobs,
    pub(crate) claims: Claims,
}

/// What there is to do for a job of the queue.
pub(crate) enum Work {
    /// Run it.
    Run(Arc<Job>, Run),
    /// It has ended: publish its completion event again.
    Publish(Arc<Job>, Box<JobRecord>),
}

impl JobHandler for RunJobs {
    type Work = Work;

    async fn open(&self, delivery: &Delivery) -> Opened<Work> {
        let attempt = Attempt::new(&self.jobs, delivery);
        let job = match message::job(delivery) {
            Ok(job) => Arc::new(job),
            Err(failure) => return attempt.with_outcome(Err(failure)),
        };
        Span::current().set_attribute(attr::JOB_KIND, job.spec.kind().name());
        let attempt = attempt.with_job(job.clone());
        match self.claims.claim(delivery, &job).await {
            Ok(claim) => opened(attempt, job, claim),
            Err(failure) => attempt.with_outcome(Err(failure)),
        }
    }

    async fn run(&self, _: &Delivery, attempt: &mut Attempt, work: Work) -> AttemptResult {
        match work {
            Work::Run(job, run) => self.run_job(&attempt.faults, &job, &run).await,
            Work::Publish(job, record) => {
                completion::publish(&self.jobs, &record, &job).await?;
                Ok(Handled::Done)
            }
        }
    }
}

/// The attempt that follows from a claim.
fn opened(attempt: Attempt, job: Arc<Job>, claim: Claim) -> Opened<Work> {
    match claim {
        Claim::Run(run) => attempt.with_run(&run).with_work(Work::Run(job, run)),
        Claim::Ended(record) => attempt.with_work(Work::Publish(job, record)),
        Claim::UsedUp(session, failure) => attempt.with_record(session).with_outcome(Err(failure)),
        Claim::LeasedElsewhere { after, why } => {
            attempt.with_outcome(Err(later(reason::OWNED_ELSEWHERE, why, after)))
        }
        Claim::NoCapacity(after) => {
            let why = "no child process is free for an isolated run";
            attempt.with_outcome(Err(later(reason::NO_CAPACITY, why, after)))
        }
        Claim::Stale => attempt.with_outcome(Ok(Handled::Discard(reason::STALE_ROUND))),
    }
}

fn later(reason: &'static str, why: impl Into<String>, after: Duration) -> Failure {
    let cause = anyhow::Error::msg(why.into());
    Failure::Postpone { reason, cause, after: after.max(LEASED_DELAY_MIN) }
}

/// Result of the operations of a job.
struct WorkDone {
    results: Vec<OperationResult>,
    outcome: state::Outcome,
    failure: Option<JobFailure>,
}

impl RunJobs {
    async fn run_job(&self, faults: &FaultPoints, job: &Job, run: &Run) -> AttemptResult {
        let work = self.work(faults, job, run).await?;
        let name = run.lease.run_name();
        let results = self.jobs.results.put(job.id, &name, work.results).await;
        let results = results.map_err(Failure::postpone)?;
        let completion = Completion {
            outcome: work.outcome,
            failure: work.failure,
            run: Some(name),
            results,
            dead_letter: None,
        };
        completion::finish(&self.jobs, faults, &run.session, job, &completion).await
    }

    /// Runs the operations in order, until one fails, the job is cancelled, or the deadline passes.
    async fn work(&self, faults: &FaultPoints, job: &Job, run: &Run) -> Result<WorkDone, Failure> {
        let stop = CancellationToken::new();
        // CPU work on other threads must stop when this future ends or is dropped.
        let _stop_on_drop = stop.clone().drop_guard();
        let mut results = Vec::with_capacity(job.spec.operations.len());
        tokio::select! {
            biased;
            () = run.cancelled.cancelled() => return Ok(WorkDone::stopped(Stopped::Cancelled, results, &job.spec.operations)),
            () = self.deadline(job) => return Ok(WorkDone::stopped(Stopped::Deadline, results, &job.spec.operations)),
            reached = self.reach_before_work(faults, run) => reached?,
        }
        for (index, operation) in job.spec.operations.iter().enumerate() {
            let one = OperationRun { jobs: &self.jobs, job: job.id, run, index, operation };
            let stopped = tokio::select! {
                biased;
                () = run.cancelled.cancelled() => Err(Stopped::Cancelled),
                () = self.deadline(job) => Err(Stopped::Deadline),
                done = one.perform(stop.child_token()) => Ok(done?),
            };
            let done = match stopped {
                Ok(done) => done,
                Err(stopped) => {
                    return Ok(WorkDone::stopped(stopped, results, &job.spec.operations));
                }
            };
            let error = match &done.result {
                Some(OperationOutcome::Error(error)) => Some(error.clone()),
                _ => None,
            };
            results.push(done);
            if let Some(error) = error {
                return Ok(WorkDone::failed(
                    index,
                    operation,
                    &error,
                    results,
                    &job.spec.operations,
                ));
            }
        }
        Ok(WorkDone { results, outcome: state::Outcome::Succeeded, failure: None })
    }

    /// The fault point before the work. In an isolated run its fault acts in a child process, as the operations do.
    async fn reach_before_work(&self, faults: &FaultPoints, run: &Run) -> Result<(), Failure> {
        if !run.lease.isolated {
            return faults.reach(FaultPoint::BeforeWork).await;
        }
        let Some(fault) = faults.at(FaultPoint::BeforeWork) else { return Ok(()) };
        let context = OperationContext::without_store();
        let request = Request::Fault(fault.to_string());
        match isolation::run(&request, &context).await {
            Ok(_) => Ok(()),
            Err(OperationError::ChildLost(how)) => Err(run.child_lost(&self.jobs, &how).await),
            Err(OperationError::Unavailable(error)) => Err(Failure::postpone(error)),
            Err(error) => Err(Failure::retry(error)),
        }
    }

    /// Returns when the job's deadline has passed, by the broker's time.
    async fn deadline(&self, job: &Job) {
        let Some(deadline_ms) = job.deadline_at_ms else { return std::future::pending().await };
        let left_ms = deadline_ms.saturating_sub(self.jobs.bus.nats.time.now_ms());
        // Checked first, because the shortest sleep is longer than a small job: a late job must not start.
        if left_ms > 0 {
            tokio::time::sleep(Duration::from_millis(left_ms.unsigned_abs())).await;
        }
    }
}

impl WorkDone {
    fn stopped(why: Stopped, results: Vec<OperationResult>, all: &[Operation]) -> Self {
        let (outcome, failure) = match why {
            Stopped::Cancelled => (
                state::Outcome::Cancelled,
                JobFailure::new(reason::CANCELLED, "cancelled while it ran"),
            ),
            Stopped::Deadline => (
                state::Outcome::Failed,
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
            outcome: state::Outcome::Failed,
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
