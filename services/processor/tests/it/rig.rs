//! A processor, its broker, and the jobs that it is to run.

use std::time::Duration;

use contract::{JobId, Stage, job::Job, record::JobRecord, state::JobState, topology::TODO};
use runtime::stop::Stop;
use serde_json::{Value, json};
use telemetry::Metrics;
use testkit::StageRig;
use tokio::task::JoinSet;

/// A processor that runs until this is dropped.
pub(crate) struct Rig {
    pub(crate) stage: StageRig,
    pub(crate) metrics: Metrics,
    stop: Stop,
    _processor: JoinSet<()>,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        let stage = StageRig::start(Duration::from_secs(10)).await;
        let (config, stop) = (stage.config(&["--faults", "on"]), Stop::new());
        let service = StageRig::service(Stage::Processor, "processor-test");
        let metrics = service.metrics.clone();
        let mut running = JoinSet::new();
        let until = stop.clone();
        running.spawn(async move { processor::run(config, service, until).await.unwrap() });
        Self { stage, metrics, stop, _processor: running }
    }

    /// A job with these operations, and its record as the ingester leaves it.
    pub(crate) fn job(operations: &Value) -> (Job, JobRecord) {
        let id = JobId::at(Duration::from_secs(1_795_000_000), [1; 10]);
        let job = json!({
            "id": id, "round": 0, "name": "small", "accepted_at_ms": 1_795_000_000_000_i64,
            "operations": operations,
        });
        let job: Job = serde_json::from_value(job).unwrap();
        let mut record = JobRecord::accepted(&job, "0af7651916cd43dd8448eb211c80319c".to_owned());
        record.state = JobState::Queued;
        (job, record)
    }

    /// Queues a job with these operations, changed by `change`.
    pub(crate) async fn queue(
        &self,
        operations: Value,
        change: impl FnOnce(&mut Job, &mut JobRecord),
    ) -> JobId {
        let (mut job, mut record) = Self::job(&operations);
        change(&mut job, &mut record);
        self.stage.queue(&job, &record).await;
        job.id
    }

    /// The record of a job that has ended, once its message is acked.
    pub(crate) async fn ended(&self, job: JobId) -> JobRecord {
        let record = self.stage.record_when(job, "the job ends", |job| job.state.is_terminal());
        let record = record.await;
        self.stage.acked(TODO).await;
        record
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.now();
    }
}
