//! A gateway in this process, its broker, and the questions that tests ask of both.

mod dead_letters;
mod process;

use std::time::Duration;

use async_nats::{
    HeaderMap,
    jetstream::{self, kv, message::StreamMessage, stream::State},
};
use contract::{
    JobId,
    api::{JobAccepted, JobView, Problem},
    job::Job,
    record::JobRecord,
    state::JobState,
    topology::{JOBS_BUCKET, PAYLOADS, QUEUE_BYTES_MAX, SUBMITTED},
};
pub(crate) use dead_letters::{DEAD_LETTER_TRACE, own_headers};
use nats::topology::{TopologyConfig, apply};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SpanData;
use process::{SHARED, service, settings, shared};
use reqwest::{RequestBuilder, Response, StatusCode, header::HeaderValue};
use runtime::stop::Stop;
use telemetry::Metrics;
use testkit::{NatsServer, eventually};
use tokio::task::JoinHandle;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;

/// Long enough for anything on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// A job that every check lets through.
pub(crate) const JOB: &str = r#"{"name":"sum","operations":[{"kind":"add","inputs":[1,2]}]}"#;

pub(crate) struct Rig {
    pub(crate) nats: NatsServer,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) api: String,
    pub(crate) admin: String,
    pub(crate) http: reqwest::Client,
    pub(crate) metrics: Metrics,
    pub(crate) stop: Stop,
    pub(crate) ended: JoinHandle<anyhow::Result<()>>,
    _spans: DefaultGuard,
}

impl Rig {
    /// A gateway that is ready.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with further flags.
    pub(crate) async fn start_with(flags: &[&str]) -> Self {
        Self::start_on(QUEUE_BYTES_MAX, flags).await
    }

    /// The same with queues of `queue_bytes_max`.
    pub(crate) async fn start_on(queue_bytes_max: i64, flags: &[&str]) -> Self {
        let rig = Self::start_bare(flags).await;
        rig.apply_topology(queue_bytes_max).await;
        rig.becomes_ready().await;
        rig
    }

    /// A gateway that knows the health page of its broker.
    pub(crate) async fn start_with_health() -> Self {
        let nats = NatsServer::start().await;
        let page = nats.health_url();
        let rig = Self::start_beside(nats, &["--nats-health-url", &page]).await;
        rig.apply_topology(QUEUE_BYTES_MAX).await;
        rig.becomes_ready().await;
        rig
    }

    /// A gateway whose broker has no streams yet.
    pub(crate) async fn start_bare(flags: &[&str]) -> Self {
        Self::start_beside(NatsServer::start().await, flags).await
    }

    async fn start_beside(nats: NatsServer, flags: &[&str]) -> Self {
        let client = async_nats::connect(nats.url()).await.unwrap();
        let settings = settings(&nats.url(), flags);
        let shared = shared(&settings.telemetry);
        let spans = tracing::subscriber::set_default(
            tracing_subscriber::registry()
                .with(tracing_opentelemetry::layer().with_tracer(shared.provider.tracer("test"))),
        );
        let service = service(shared);
        let metrics = service.metrics.clone();
        let stop = Stop::new();
        let running = gateway::start(settings.gateway, service, stop.clone()).await.unwrap();
        Self {
            nats,
            jetstream: jetstream::new(client),
            api: format!("http://{}", running.api),
            admin: format!("http://{}", running.admin),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            metrics,
            stop,
            ended: tokio::spawn(running.ended()),
            _spans: spans,
        }
    }

    /// Tries to start another gateway, on this address.
    pub(crate) async fn another_on(&self, address: &str) -> anyhow::Result<()> {
        let settings = settings(&self.nats.url(), &["--gateway-bind", address]);
        let service = service(SHARED.get().expect("a rig was started"));
        gateway::run(settings.gateway, service, Stop::new()).await
    }

    pub(crate) async fn apply_topology(&self, queue_bytes_max: i64) {
        let config =
            TopologyConfig { ack_wait: None, ack_wait_seconds: None, replicas: 1, queue_bytes_max };
        apply(&self.jetstream, &config).await.unwrap();
    }

    /// Makes the ack wait of every consumer shorter.
    pub(crate) async fn shorten_ack_wait(&self, ack_wait: Duration) {
        let config = TopologyConfig {
            ack_wait: Some(ack_wait),
            ack_wait_seconds: None,
            replicas: 1,
            queue_bytes_max: QUEUE_BYTES_MAX,
        };
        apply(&self.jetstream, &config).await.unwrap();
    }

    pub(crate) async fn becomes_ready(&self) {
        eventually(LIMIT, "the gateway is ready", async || match self.ready().await {
            (StatusCode::OK, _) => Ok(()),
            other => Err(other),
        })
        .await;
    }

    /// The status and text of `/readyz`.
    pub(crate) async fn ready(&self) -> (StatusCode, String) {
        let answer = self.http.get(format!("{}/readyz", self.admin)).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.api))
    }

    /// A POST of JSON, ready for further headers.
    pub(crate) fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let post = self.http.post(format!("{}{path}", self.api));
        post.header("content-type", "application/json").body(body)
    }

    /// Submits a job that must be taken.
    pub(crate) async fn submit(&self, body: &str) -> JobAccepted {
        let answer = self.post("/v1/jobs", body.to_owned()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        answer.json().await.unwrap()
    }

    pub(crate) async fn job(&self, id: JobId) -> JobView {
        let answer = self.get(&format!("/v1/jobs/{id}")).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }

    pub(crate) async fn submitted(&self) -> State {
        self.jetstream.get_stream(SUBMITTED.name).await.unwrap().get_info().await.unwrap().state
    }

    /// The last message of the stream of submitted jobs.
    pub(crate) async fn last_submitted(&self) -> StreamMessage {
        let stream = self.jetstream.get_stream(SUBMITTED.name).await.unwrap();
        let last = stream.get_info().await.unwrap().state.last_sequence;
        stream.get_raw_message(last).await.unwrap()
    }

    /// Changes a job's record as its stage would.
    pub(crate) async fn change(&self, job: JobId, change: impl FnOnce(&mut JobRecord)) {
        let records = self.records().await;
        let found = records.get(job.to_string()).await.unwrap().unwrap();
        let mut record: JobRecord = serde_json::from_slice(&found).unwrap();
        change(&mut record);
        let record = serde_json::to_vec(&record).unwrap();
        records.put(job.to_string(), record.into()).await.unwrap();
    }

    /// A job's record as it stands.
    pub(crate) async fn record(&self, job: JobId) -> JobRecord {
        let found = self.records().await.get(job.to_string()).await.unwrap().unwrap();
        serde_json::from_slice(&found).unwrap()
    }

    /// Submits a job and takes it to where the ingester leaves it: queued, with its payload kept.
    pub(crate) async fn queued(&self, body: &str) -> Job {
        let accepted = self.submit(body).await;
        let message = self.last_submitted().await;
        let job: Job = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(job.id, accepted.id);
        let mut headers = HeaderMap::new();
        for name in ["traceparent", "baggage"] {
            if let Some(value) = message.headers.get(name) {
                headers.insert(name, value.as_str());
            }
        }
        let subject = contract::topology::payload(job.id);
        let kept = self.jetstream.publish_with_headers(subject, headers, message.payload).await;
        kept.unwrap().await.unwrap();
        self.change(job.id, |record| record.state = JobState::Queued).await;
        job
    }

    /// The messages of a stream, the oldest first.
    pub(crate) async fn messages(&self, stream: &str) -> Vec<StreamMessage> {
        let stream = self.jetstream.get_stream(stream).await.unwrap();
        let state = stream.get_info().await.unwrap().state;
        let mut messages = Vec::new();
        for seq in state.first_sequence..=state.last_sequence {
            messages.extend(stream.get_raw_message(seq).await.ok());
        }
        messages
    }

    pub(crate) async fn records(&self) -> kv::Store {
        self.jetstream.get_key_value(JOBS_BUCKET).await.unwrap()
    }

    /// Makes it as if the job's record had never been written: not even a marker stays.
    pub(crate) async fn lose_record(&self, job: JobId) {
        let stream = self.jetstream.get_stream(format!("KV_{JOBS_BUCKET}")).await.unwrap();
        let subject = format!("$KV.{JOBS_BUCKET}.{job}");
        assert!(stream.purge().filter(subject).await.unwrap().purged > 0);
    }

    /// Deletes the spec that is kept beside the job's record.
    pub(crate) async fn forget_payload(&self, job: JobId) {
        let stream = self.jetstream.get_stream(PAYLOADS.name).await.unwrap();
        stream.purge().filter(contract::topology::payload(job)).await.unwrap();
    }

    /// How many messages the bucket of a name holds.
    pub(crate) async fn messages_in(&self, bucket: &str) -> u64 {
        let stream = self.jetstream.get_stream(format!("KV_{bucket}")).await.unwrap();
        stream.get_info().await.unwrap().state.messages
    }

    /// Nothing of a refused request is anywhere.
    pub(crate) async fn holds_nothing(&self) {
        assert_eq!(self.submitted().await.last_sequence, 0);
        for bucket in [JOBS_BUCKET, contract::topology::KEYS_BUCKET] {
            assert_eq!(self.messages_in(bucket).await, 0, "{bucket}");
        }
    }

    /// The value of one series in the gateway's metrics.
    pub(crate) fn metric(&self, series: &str) -> Option<f64> {
        let text = self.metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        line.split(' ').next()?.parse().ok()
    }

    /// The finished spans of a trace, in the order they ended.
    pub(crate) fn spans_of(trace_id: &str) -> Vec<SpanData> {
        let shared = SHARED.get().expect("a rig was started");
        let spans = shared.spans.0.lock().unwrap();
        let of_trace = |span: &&SpanData| span.span_context.trace_id().to_string() == trace_id;
        spans.iter().filter(of_trace).cloned().collect()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.now();
    }
}

/// The problem that an answer with this status must be.
pub(crate) async fn problem(answer: Response, status: u16) -> Problem {
    let media = answer.headers().get("content-type").cloned();
    let got = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    assert_eq!(
        (got, media.as_ref().map(HeaderValue::as_bytes)),
        (status, Some(&b"application/problem+json"[..])),
        "{text}"
    );
    let problem: Problem = serde_json::from_str(&text).unwrap();
    assert_eq!(problem.status, status);
    assert!(problem.kind.starts_with("https://waybill.dev/problems/"), "{}", problem.kind);
    problem
}
