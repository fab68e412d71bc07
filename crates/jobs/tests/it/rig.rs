//! A broker, the jobs in it, and stub workers that do what the test says.

use std::time::Duration;

use bus::AttemptResult;
use contract::{JobId, job::Job, record::JobRecord, state::JobState, topology::TODO};
use serde_json::json;
use testkit::StageRig;
use tokio::time::timeout;

use crate::stage::{Step, Worker};

/// The ack wait of these tests, and so the time after which a job of a lost worker is taken over.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(1);
/// Long enough for anything on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

pub(crate) struct Rig {
    pub(crate) stage: StageRig,
    next: u8,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self { stage: StageRig::start(ACK_WAIT).await, next: 0 }
    }

    pub(crate) fn worker(&self, name: &str) -> Worker {
        Worker::start(&self.stage, name)
    }

    /// A job as the ingester leaves it: its record says `queued`, and its message waits.
    pub(crate) async fn queued(&mut self) -> Job {
        let job = self.job();
        let mut record = JobRecord::accepted(&job, "0af7651916cd43dd8448eb211c80319c".to_owned());
        record.state = JobState::Queued;
        self.queue(&job, &record).await;
        job
    }

    /// A job with this record, whose message waits.
    pub(crate) async fn queue(&self, job: &Job, record: &JobRecord) {
        self.stage.queue(job, record).await;
    }

    /// A job without a record; it may use two attempts.
    pub(crate) fn job(&mut self) -> Job {
        self.next += 1;
        let id = JobId::at(Duration::from_secs(1_795_000_000), [self.next; 10]);
        let job = json!({
            "id": id, "round": 0, "name": "stepped", "accepted_at_ms": 1_795_000_000_000_i64,
            "operations": [{"kind": "add", "inputs": [1, 2]}], "attempts_max": 2,
        });
        serde_json::from_value(job).unwrap()
    }

    /// The record of a job once it has this state and its message is acked.
    pub(crate) async fn ended(&self, job: &Job, state: JobState) -> JobRecord {
        let record =
            self.stage.record_when(job.id, state.name(), |record| record.state == state).await;
        self.stage.acked(TODO).await;
        record
    }
}

/// The worker's next step.
pub(crate) async fn step(worker: &mut Worker) -> Step {
    timeout(LIMIT, worker.next()).await.expect("a worker runs a job in time")
}

/// Whether no worker runs a job within `time`.
pub(crate) async fn nothing_runs(worker: &mut Worker, time: Duration) -> bool {
    timeout(time, worker.next()).await.is_err()
}

/// A failure of the work.
pub(crate) fn failed() -> AttemptResult {
    Err(bus::Failure::retry(anyhow::anyhow!("the work failed")))
}
