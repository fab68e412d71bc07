//! One attempt of a stage at a job: a value that is opened, worked on and settled.

use std::sync::Arc;

use bus::{AttemptResult, Delivery, Failure, fault_in};
use contract::{
    JobId, Stage,
    job::Job,
    signals::{self, attr},
};
use faults::{Fault, FaultPoint, JobFaults};
use telemetry::Metrics;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{Jobs, Next, Opened, RecordSession, Run, message, run::RunLease};

/// One attempt of a stage at the job of a message. It is made when the message is opened, and used up when it is
/// settled.
pub struct Attempt {
    /// The job, if the stage has read it from the message.
    pub job: Option<Arc<Job>>,
    /// The job's record, where attempts are counted and the job's end is written. A first delivery that succeeds may
    /// need nothing of it; then it is read once an attempt must be counted.
    pub record: Option<Arc<RecordSession>>,
    /// The injected faults of the job.
    pub faults: FaultPoints,
    pub(crate) lease: Option<RunLease>,
}

/// The points of an attempt at which the job's injected faults act.
#[derive(Debug, Clone)]
pub struct FaultPoints {
    faults: JobFaults,
    stage: Stage,
    /// Number of this run of the job, from 1.
    run: u32,
    metrics: Metrics,
}

impl Attempt {
    /// An attempt at a message of which nothing is known yet.
    pub fn new(jobs: &Jobs, delivery: &Delivery) -> Self {
        let faults = FaultPoints::of(jobs, delivery);
        Self { job: None, record: None, faults, lease: None }
    }

    /// The same attempt with the job of the message.
    #[must_use]
    pub fn with_job(mut self, job: Arc<Job>) -> Self {
        self.job = Some(job);
        self
    }

    /// The same attempt with the job's record.
    #[must_use]
    pub fn with_record(mut self, session: Arc<RecordSession>) -> Self {
        self.record = Some(session);
        self
    }

    /// The same attempt with the record and the lease of a run.
    #[must_use]
    pub fn with_run(mut self, run: &Run) -> Self {
        self.faults.run = run.lease.attempt + run.lease.run;
        self.lease = Some(run.renewals.clone());
        self.with_record(run.session.clone())
    }

    /// The opened attempt, with work to do.
    pub const fn with_work<W>(self, work: W) -> Opened<W> {
        Opened { attempt: self, next: Next::Work(work) }
    }

    /// The opened attempt, without work: this is its outcome.
    pub const fn with_outcome<W>(self, outcome: AttemptResult) -> Opened<W> {
        Opened { attempt: self, next: Next::Outcome(outcome) }
    }

    /// Reads the record if that was not done yet, so that a failed attempt is counted and a dead-lettered job ends. Not
    /// while a worker runs the job, and not in another round.
    pub(crate) async fn open_record(&mut self, jobs: &Jobs, delivery: &Delivery) {
        if self.record.is_some() {
            return;
        }
        let Some((job, round)) = self.job_id(delivery) else { return };
        let Ok(Some(entry)) = jobs.records.load(job).await else { return };
        if entry.record.round == round && entry.record.lease.is_none() {
            self.record = Some(Arc::new(RecordSession::shared(jobs.records.clone(), entry)));
        }
    }

    /// Id and round of the job, as far as they are known.
    pub(crate) fn job_id(&self, delivery: &Delivery) -> Option<(JobId, u32)> {
        let job = self.job.as_ref().map(|job| (job.id, job.round));
        job.or_else(|| message::job_id(delivery))
    }

    /// The job, read from the message if the stage has not done that.
    pub(crate) fn job(&self, delivery: &Delivery) -> Option<Arc<Job>> {
        self.job.clone().or_else(|| message::job(delivery).ok().map(Arc::new))
    }
}

impl FaultPoints {
    /// The run is counted by the broker's deliveries, which is exact enough to choose a fault; a run with a lease
    /// counts by the record.
    fn of(jobs: &Jobs, delivery: &Delivery) -> Self {
        let faults = JobFaults::of(fault_in(&delivery.context).as_deref(), jobs.faults_on);
        let metrics = jobs.bus.service.metrics.clone();
        Self { faults, stage: jobs.bus.stage, run: delivery.deliveries, metrics }
    }

    /// Lets the job's injected faults act at `point`.
    pub async fn reach(&self, point: FaultPoint) -> Result<(), Failure> {
        match self.at(point) {
            Some(fault) => fault.act().await.map_err(Failure::retry),
            None => Ok(()),
        }
    }

    /// The injected fault that is due at `point`, counted and noted on the span. The caller applies it.
    pub fn at(&self, point: FaultPoint) -> Option<Fault> {
        let fault = self.faults.at(self.stage, self.run, point)?;
        tracing::Span::current().set_attribute(attr::FAULT, fault.to_string());
        self.metrics.count(&signals::FAULTS_FIRED, &[fault.kind.name()]);
        Some(fault)
    }
}
