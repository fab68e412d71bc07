//! A broker with the lab's streams, for a service that runs in the test's own process.

use std::{sync::OnceLock, time::Duration};

use async_nats::jetstream::{self, kv, stream::Stream as JetStream};
use bus::ServiceContext;
use clap::{Args, Parser};
use contract::{
    JobId, Stage,
    event::{EventHead, EventType},
    job::Job,
    record::JobRecord,
    signals::METRICS,
    topology::{Hop, JOBS_BUCKET, QUEUE_BYTES_MAX, Stream, message_id, submitted, todo},
};
use nats::topology::{TopologyConfig, apply};
use runtime::clock::Clock;
use telemetry::{Identity, Metrics, SpanSink, TelemetryConfig};

use crate::{NatsServer, eventually};

/// Timeout of each wait; long, for a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// A broker with the lab's streams and buckets.
pub struct StageRig {
    /// JetStream of that broker.
    pub jetstream: jetstream::Context,
    /// The broker.
    pub nats: NatsServer,
    records: kv::Store,
}

/// The flags of a service.
#[derive(Parser)]
struct Flags<T: Args> {
    #[command(flatten)]
    config: T,
    #[command(flatten)]
    _telemetry: TelemetryConfig,
}

impl StageRig {
    /// Starts the broker and applies the topology with this ack wait.
    pub async fn start(ack_wait: Duration) -> Self {
        let nats = NatsServer::start().await;
        let client = async_nats::connect(nats.url()).await.expect("the broker accepts clients");
        let jetstream = jetstream::new(client);
        let topology = TopologyConfig {
            ack_wait: Some(ack_wait),
            ack_wait_seconds: None,
            replicas: 1,
            queue_bytes_max: QUEUE_BYTES_MAX,
        };
        apply(&jetstream, &topology).await.expect("the topology can be applied");
        let records = jetstream.get_key_value(JOBS_BUCKET).await.expect("the bucket is there");
        Self { jetstream, nats, records }
    }

    /// The settings of a service that connects to this broker, with further flags.
    pub fn config<T: Args>(&self, flags: &[&str]) -> T {
        let url = self.nats.url();
        let fixed = ["service", "--telemetry", "off", "--log", "off", "--nats-url", &url];
        let admin = ["--admin-bind", "127.0.0.1:0"];
        let all = fixed.into_iter().chain(admin).chain(flags.iter().copied());
        Flags::<T>::parse_from(all).config
    }

    /// The context of a service of this stage, with its own metrics.
    pub fn service(stage: Stage, instance: &str) -> ServiceContext {
        let clock = Clock::new();
        let metrics = Metrics::new(METRICS, Some(stage), clock.offset());
        ServiceContext { instance: instance.to_owned(), clock, metrics, spans: spans() }
    }

    /// Publishes the data of an event of a stage, as that stage does.
    pub async fn publish(&self, subject: String, head: &EventHead, data: Vec<u8>) {
        let mut headers = async_nats::HeaderMap::new();
        for (name, value) in head.headers() {
            headers.insert(name, value);
        }
        headers.insert("Nats-Msg-Id", head.id.as_str());
        let sent = self.jetstream.publish_with_headers(subject, headers, data.into()).await;
        sent.expect("the broker takes the event").await.expect("the broker acks the event");
    }

    /// Publishes a job as the gateway does for [`Hop::Submitted`], or as the ingester does for any other hop.
    pub async fn publish_job(&self, hop: Hop, job: &Job) {
        let (subject, kind, source) = match hop {
            Hop::Submitted => (submitted(job.spec.kind()), EventType::Submitted, Stage::Gateway),
            _ => (todo(job.spec.kind()), EventType::Todo, Stage::Ingester),
        };
        let head = EventHead {
            id: message_id(job.id, job.round, hop),
            source: format!("/waybill/{source}"),
            kind: kind.name().to_owned(),
            subject: Some(job.id.to_string()),
            time: None,
        };
        self.publish(subject, &head, job.to_json().expect("a job is JSON")).await;
    }

    /// Puts a job into the processors' queue as the ingester does: first its record, then its message.
    pub async fn queue(&self, job: &Job, record: &JobRecord) {
        self.put_record(record).await;
        self.publish_job(Hop::Todo, job).await;
    }

    /// Writes the record of a job unconditionally.
    pub async fn put_record(&self, record: &JobRecord) {
        let value = record.to_json().expect("a record is JSON");
        self.records.put(record.id.to_string(), value.into()).await.expect("the bucket takes it");
    }

    /// The current record of a job.
    pub async fn record(&self, job: JobId) -> Option<JobRecord> {
        let stored = self.records.get(job.to_string()).await.expect("the bucket can be read");
        stored.map(|value| JobRecord::from_json(job, &value).expect("the record can be read"))
    }

    /// When the record of a job was last written, in Unix nanoseconds of the broker's clock.
    pub async fn record_written_ns(&self, job: JobId) -> i128 {
        let entry = self.records.entry(job.to_string()).await.expect("the bucket can be read");
        entry.expect("the job has a record").created.unix_timestamp_nanos()
    }

    /// Waits until the record of a job is as `wanted`, and returns it.
    #[track_caller]
    pub fn record_when(
        &self,
        job: JobId,
        what: &str,
        wanted: impl Fn(&JobRecord) -> bool,
    ) -> impl Future<Output = JobRecord> {
        eventually(LIMIT, what, async move || match self.record(job).await {
            Some(record) if wanted(&record) => Ok(record),
            other => Err(other),
        })
    }

    /// The messages of a stream, oldest first.
    pub async fn messages(
        &self,
        stream: Stream,
    ) -> Vec<async_nats::jetstream::message::StreamMessage> {
        let stream: JetStream = self.jetstream.get_stream(stream.name).await.expect("it exists");
        let state = stream.cached_info().state.clone();
        let mut messages = Vec::new();
        for seq in state.first_sequence..=state.last_sequence {
            messages.extend(stream.get_raw_message(seq).await.ok());
        }
        messages
    }

    /// Waits until a work queue is empty: all of its messages are acked.
    pub async fn acked(&self, stream: Stream) {
        eventually(LIMIT, "every message is acked", async || {
            let left = self.messages(stream).await.len();
            if left == 0 { Ok(()) } else { Err(left) }
        })
        .await;
    }
}

/// The span sink of all services of this test process, which exports nothing. Started once, on a runtime that outlives every
/// test.
fn spans() -> SpanSink {
    static SINK: OnceLock<SpanSink> = OnceLock::new();
    let start = || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime: &'static _ = Box::leak(Box::new(runtime.expect("a runtime can be made")));
        let _inside = runtime.enter();
        let identity = Identity { name: "test".into(), instance: "test".into() };
        let off = ["service", "--telemetry", "off", "--log", "off"];
        let config = OnlyTelemetry::parse_from(off).telemetry;
        let telemetry = telemetry::init(&identity, &config, Clock::new().offset());
        let telemetry = telemetry.expect("telemetry starts once");
        let sink = telemetry.spans();
        std::mem::forget(telemetry);
        sink
    };
    SINK.get_or_init(|| std::thread::scope(|scope| scope.spawn(start).join().expect("no panic")))
        .clone()
}

#[derive(Parser)]
struct OnlyTelemetry {
    #[command(flatten)]
    telemetry: TelemetryConfig,
}
