//! A worker whose work is what the test says, in a runtime of its own: to drop it is to kill it.

use std::{sync::Arc, time::Duration};

use bus::{AttemptResult, Delivery, Failure, Handled, WorkerConfig};
use contract::{Stage, job::Job, record::Lease, state, topology::PROCESSOR, verdict::Verdict};
use jobs::{
    Attempt, Claim, Claims, Completion, JobHandler, Jobs, Opened, Run, completion, message, worker,
};
use runtime::stop::Stop;
use telemetry::Metrics;
use testkit::{StageRig, eventually};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, oneshot},
};

/// Jobs that a worker runs at the same time.
pub(crate) const SLOTS: usize = 4;
/// Long enough for anything on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// A worker of the processors' queue.
pub(crate) struct Worker {
    steps: mpsc::Receiver<Step>,
    metrics: Metrics,
    runtime: Option<Runtime>,
}

/// A job that a worker runs until the test answers.
pub(crate) struct Step {
    pub(crate) lease: Lease,
    pub(crate) run: Arc<Run>,
    answer: oneshot::Sender<Answer>,
}

/// What the work comes to.
pub(crate) enum Answer {
    /// The job succeeded.
    Succeed,
    /// The attempt has this outcome.
    Outcome(AttemptResult),
    /// The child process of the job has died.
    LoseChild,
    /// The work panics.
    Panic,
}

impl Worker {
    pub(crate) fn start(rig: &StageRig, name: &str) -> Self {
        let config: WorkerConfig = rig.config(&["--slots", &SLOTS.to_string()]);
        let service = StageRig::service(Stage::Processor, name);
        let metrics = service.metrics.clone();
        let (sender, steps) = mpsc::channel(16);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            let stub = async |jobs: Jobs, ack_wait| {
                Ok(Stub { claims: Claims::new(jobs.clone(), ack_wait), jobs, sender })
            };
            worker::run(PROCESSOR, &config, service, Stop::new(), stub).await.unwrap();
        });
        Self { steps, metrics, runtime: Some(runtime) }
    }

    /// The next job that it runs.
    pub(crate) async fn next(&mut self) -> Step {
        self.steps.recv().await.expect("the worker lives")
    }

    /// Waits until it has ended an attempt with this verdict.
    pub(crate) async fn ended_with(&self, verdict: Verdict) {
        let series =
            format!("waybill_attempts_total{{stage=\"processor\",verdict=\"{verdict}\"}} 1");
        let what = format!("an attempt ends as {verdict}");
        eventually(LIMIT, &what, async || {
            let text = self.metrics.text();
            if text.contains(&series) { Ok(()) } else { Err(text) }
        })
        .await;
    }

    /// Ends it as a crash does: nothing more is written, acked or renewed.
    pub(crate) fn kill(mut self) {
        self.drop_runtime();
    }

    fn drop_runtime(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.drop_runtime();
    }
}

impl Step {
    pub(crate) fn answer(self, answer: Answer) {
        // The worker may have been fenced meanwhile.
        let _ = self.answer.send(answer);
    }
}

struct Stub {
    jobs: Jobs,
    claims: Claims,
    sender: mpsc::Sender<Step>,
}

enum Work {
    Run(Arc<Job>, Arc<Run>),
    Publish(Arc<Job>, Box<contract::record::JobRecord>),
}

impl JobHandler for Stub {
    type Work = Work;

    async fn open(&self, delivery: &Delivery) -> Opened<Work> {
        let attempt = Attempt::new(&self.jobs, delivery);
        let job = match message::job(delivery) {
            Ok(job) => Arc::new(job),
            Err(failure) => return attempt.with_outcome(Err(failure)),
        };
        let attempt = attempt.with_job(job.clone());
        match self.claims.claim(delivery, &job).await {
            Ok(Claim::Run(run)) => attempt.with_run(&run).with_work(Work::Run(job, Arc::new(run))),
            Ok(Claim::Ended(record)) => attempt.with_work(Work::Publish(job, record)),
            Ok(Claim::UsedUp(session, failure)) => {
                attempt.with_record(session).with_outcome(Err(failure))
            }
            Ok(Claim::LeasedElsewhere { after, why }) => {
                attempt.with_outcome(Err(postponed(why, after)))
            }
            Ok(Claim::NoCapacity(after)) => {
                attempt.with_outcome(Err(postponed("no child process is free".into(), after)))
            }
            Ok(Claim::Stale) => attempt.with_outcome(Ok(Handled::Discard("stale_round"))),
            Err(failure) => attempt.with_outcome(Err(failure)),
        }
    }

    async fn run(&self, _: &Delivery, attempt: &mut Attempt, work: Work) -> AttemptResult {
        let (job, run) = match work {
            Work::Run(job, run) => (job, run),
            Work::Publish(job, record) => {
                completion::publish(&self.jobs, &record, &job).await?;
                return Ok(Handled::Done);
            }
        };
        let (answer, answered) = oneshot::channel();
        let step = Step { lease: run.lease.clone(), run: run.clone(), answer };
        self.sender.send(step).await.expect("the test waits for steps");
        match answered.await.expect("the test answers") {
            Answer::Succeed => {
                let completion = succeeded(&run);
                completion::finish(&self.jobs, &attempt.faults, &run.session, &job, &completion)
                    .await
            }
            Answer::Outcome(outcome) => outcome,
            Answer::LoseChild => Err(run.child_lost(&self.jobs, "killed by the test").await),
            Answer::Panic => panic!("as the test says"),
        }
    }
}

fn succeeded(run: &Run) -> Completion {
    Completion {
        outcome: state::Outcome::Succeeded,
        failure: None,
        run: Some(run.lease.run_name()),
        results: None,
        dead_letter: None,
    }
}

fn postponed(why: String, after: Duration) -> Failure {
    let cause = anyhow::Error::msg(why);
    Failure::Postpone { reason: "owned_elsewhere", cause, after }
}
