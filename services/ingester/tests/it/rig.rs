//! An ingester, its broker, and what is submitted to it.

use std::time::Duration;

use contract::{
    JobId, Stage,
    event::{EventHead, EventType},
    job::Job,
    record::JobRecord,
    topology::{Hop, SUBMITTED, TODO},
};
use runtime::stop::Stop;
use serde_json::json;
use testkit::StageRig;
use tokio::task::JoinSet;

/// A broker, and an ingester once it is started.
pub(crate) struct Rig {
    pub(crate) stage: StageRig,
    stop: Stop,
    running: JoinSet<()>,
}

impl Rig {
    /// A broker with an ingester.
    pub(crate) async fn start() -> Self {
        let mut rig = Self::without_ingester().await;
        rig.start_ingester();
        rig
    }

    /// A broker whose messages wait.
    pub(crate) async fn without_ingester() -> Self {
        let stage = StageRig::start(Duration::from_secs(10)).await;
        Self { stage, stop: Stop::new(), running: JoinSet::new() }
    }

    pub(crate) fn start_ingester(&mut self) {
        let (config, until) = (self.stage.config(&[]), self.stop.clone());
        let service = StageRig::service(Stage::Ingester, "ingester-test");
        self.running.spawn(async move { ingester::run(config, service, until).await.unwrap() });
    }

    /// A job and its record as the gateway makes them.
    pub(crate) fn accepted() -> (Job, JobRecord) {
        let id = JobId::at(Duration::from_secs(1_795_000_000), [1; 10]);
        let job = json!({
            "id": id, "round": 0, "name": "small", "accepted_at_ms": 1_795_000_000_000_i64,
            "operations": [{"kind": "add", "inputs": [1, 2]}],
        });
        let job: Job = serde_json::from_value(job).unwrap();
        let record = JobRecord::accepted(&job, "0af7651916cd43dd8448eb211c80319c".to_owned());
        (job, record)
    }

    /// Publishes the job as the gateway does.
    pub(crate) async fn submit(&self, job: &Job) {
        self.stage.publish_job(Hop::Submitted, job).await;
    }

    /// Publishes a raw event; `message` tells two messages with the same event apart.
    pub(crate) async fn raw_event(&self, source: &str, event: &str, message: &str, data: &str) {
        let head = EventHead {
            id: event.to_owned(),
            source: source.to_owned(),
            kind: EventType::Submitted.name().to_owned(),
            subject: None,
            time: None,
        };
        let subject = format!("{}.{message}", SUBMITTED.subjects.trim_end_matches(".>"));
        let mut headers = async_nats::HeaderMap::new();
        for (name, value) in head.headers() {
            headers.insert(name, value);
        }
        let sent =
            self.stage.jetstream.publish_with_headers(subject, headers, data.to_owned().into());
        sent.await.unwrap().await.unwrap();
    }

    /// The jobs in the processors' queue, once every submitted message is acked.
    pub(crate) async fn queued(&self) -> Vec<Job> {
        self.stage.acked(SUBMITTED).await;
        let messages = self.stage.messages(TODO).await;
        messages.iter().map(|message| Job::from_json(&message.payload).unwrap()).collect()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.now();
    }
}
