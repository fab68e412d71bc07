//! A notifier in this process, its broker, and jobs that have just ended.

use std::{sync::OnceLock, time::Duration};

use async_nats::jetstream::{self, kv};
use bus::ServiceContext;
use clap::Parser;
use contract::{
    JobId, Stage,
    record::JobRecord,
    signals::METRICS,
    state::{JobState, Outcome},
    topology::{JOBS_BUCKET, QUEUE_BYTES_MAX, done},
};
use nats::topology::{TopologyConfig, apply};
use runtime::{clock::Clock, stop::Stop};
use serde_json::json;
use telemetry::{Identity, Metrics, SpanSink, TelemetryConfig};
use testkit::NatsServer;
use tokio::task::JoinSet;

/// Long enough for anything on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    notifier: notifier::Config,
    #[command(flatten)]
    telemetry: TelemetryConfig,
}

pub(crate) struct Rig {
    metrics: Metrics,
    jetstream: jetstream::Context,
    records: kv::Store,
    stop: Stop,
    _notifier: JoinSet<()>,
    _nats: NatsServer,
}

impl Rig {
    /// A notifier that may notify the receivers at `allow`, with further flags.
    pub(crate) async fn start(allow: &str, flags: &[&str]) -> Self {
        let nats = NatsServer::start().await;
        let jetstream = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
        let topology = TopologyConfig {
            ack_wait: None,
            ack_wait_seconds: None,
            replicas: 1,
            queue_bytes_max: QUEUE_BYTES_MAX,
        };
        apply(&jetstream, &topology).await.unwrap();
        let url = nats.url();
        let fixed = ["notifier", "--telemetry", "off", "--log", "off", "--admin-bind"];
        let fixed = fixed.into_iter().chain(["127.0.0.1:0", "--nats-url", &url]);
        let all = fixed.chain(["--webhook-allow", allow]).chain(flags.iter().copied());
        let settings = Settings::parse_from(all);
        let clock = Clock::new();
        let metrics = Metrics::new(METRICS, Some(Stage::Notifier), clock.offset());
        let service = ServiceContext {
            instance: "notifier-test".into(),
            clock,
            metrics: metrics.clone(),
            spans: spans(&settings.telemetry),
        };
        let stop = Stop::new();
        let mut running = JoinSet::new();
        let until = stop.clone();
        running.spawn(async move {
            notifier::run(settings.notifier, service, until).await.unwrap();
        });
        let records = jetstream.get_key_value(JOBS_BUCKET).await.unwrap();
        Self { metrics, jetstream, records, stop, _notifier: running, _nats: nats }
    }

    /// A job of this number has succeeded, and wants `url` notified.
    pub(crate) async fn ended(&self, number: u8, url: &str) -> JobId {
        let id = JobId::at(Duration::from_secs(1_795_000_000), [number; 10]);
        let event = json!({
            "id": id, "round": 0, "name": "notified",
            "operations": [{"kind": "add", "inputs": [1, 2]}],
            "notify": {"channel": "webhook", "url": url},
            "accepted_at_ms": 1_795_000_000_000_i64,
            "outcome": "succeeded", "finished_at_ms": 1_795_000_000_001_i64, "run": "0.1.0",
        });
        let job = serde_json::from_value(event.clone()).unwrap();
        let mut record = JobRecord::accepted(&job, "0af7651916cd43dd8448eb211c80319c".to_owned());
        record.state = JobState::Succeeded;
        let record = serde_json::to_vec(&record).unwrap();
        self.records.create(id.to_string(), record.into()).await.unwrap();
        let subject = done(Outcome::Succeeded);
        let ack = self.jetstream.publish(subject, event.to_string().into()).await.unwrap();
        ack.await.unwrap();
        id
    }

    pub(crate) async fn record(&self, id: JobId) -> JobRecord {
        let bytes = self.records.get(id.to_string()).await.unwrap().unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Notifications with this outcome.
    pub(crate) fn notifications(&self, outcome: &str) -> u64 {
        let name = "waybill_notifications_total";
        self.metric(&format!("{name}{{channel=\"webhook\",outcome=\"{outcome}\"}}"))
    }

    /// Dead letters of this reason.
    pub(crate) fn dead(&self, reason: &str) -> u64 {
        let name = "waybill_dead_letters_total";
        self.metric(&format!("{name}{{reason=\"{reason}\",stage=\"notifier\"}}"))
    }

    /// Open breakers.
    pub(crate) fn away(&self) -> u64 {
        self.metric("waybill_webhook_breakers_open")
    }

    /// One series, which must be there.
    fn metric(&self, series: &str) -> u64 {
        let text = self.metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let line = line.unwrap_or_else(|| panic!("no {series} in\n{text}"));
        let value = line.split(' ').next().unwrap();
        value.strip_suffix(".0").unwrap_or(value).parse().unwrap()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.now();
    }
}

/// Where the process's spans go: nowhere. Set up once, on a runtime that outlives every test.
fn spans(config: &TelemetryConfig) -> SpanSink {
    static SINK: OnceLock<SpanSink> = OnceLock::new();
    let init = || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime: &'static tokio::runtime::Runtime = Box::leak(Box::new(runtime.unwrap()));
        let _inside = runtime.enter();
        let identity =
            Identity { name: Stage::Notifier.name().into(), instance: "notifier-test".into() };
        let telemetry = telemetry::init(&identity, config, Clock::new().offset()).unwrap();
        let sink = telemetry.spans();
        std::mem::forget(telemetry);
        sink
    };
    SINK.get_or_init(|| std::thread::scope(|scope| scope.spawn(init).join().unwrap())).clone()
}
