//! What all tests of this program share: the process has one tracer and one propagator.

use std::sync::{Arc, Mutex, OnceLock};

use bus::ServiceContext;
use clap::Parser;
use contract::{Stage, signals::METRICS};
use opentelemetry::global;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use runtime::clock::Clock;
use telemetry::{Identity, Metrics, SpanSink, TelemetryConfig};

#[derive(Parser)]
pub(super) struct Settings {
    #[command(flatten)]
    pub(super) gateway: gateway::Config,
    #[command(flatten)]
    pub(super) telemetry: TelemetryConfig,
}

/// Made by the first test that needs it.
pub(super) struct Shared {
    sink: SpanSink,
    pub(super) spans: Kept,
    pub(super) provider: SdkTracerProvider,
}

/// Spans as they ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(pub(super) Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, mut spans: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().append(&mut spans);
        Ok(())
    }
}

pub(super) static SHARED: OnceLock<Shared> = OnceLock::new();

pub(super) fn service(shared: &Shared) -> ServiceContext {
    let clock = Clock::new();
    let metrics = Metrics::new(METRICS, Some(Stage::Gateway), clock.offset());
    ServiceContext { instance: "gateway-test".into(), clock, metrics, spans: shared.sink.clone() }
}

pub(super) fn settings(nats_url: &str, flags: &[&str]) -> Settings {
    let fixed = ["gateway", "--telemetry", "off", "--log", "off", "--nats-url", nats_url];
    let any_port = ["--gateway-bind", "127.0.0.1:0"];
    let own = flags.contains(&any_port[0]);
    let any_port = any_port.iter().filter(|_| !own);
    Settings::parse_from(fixed.iter().chain(any_port).chain(flags))
}

/// Sets up the process once, on a runtime that outlives every test.
pub(super) fn shared(config: &TelemetryConfig) -> &'static Shared {
    SHARED.get_or_init(|| {
        let identity =
            Identity { name: Stage::Gateway.name().into(), instance: "gateway-test".into() };
        let init = || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            let runtime: &'static tokio::runtime::Runtime = Box::leak(Box::new(runtime.unwrap()));
            let _inside = runtime.enter();
            telemetry::init(&identity, config, Clock::new().offset()).unwrap()
        };
        let telemetry = std::thread::scope(|scope| scope.spawn(init).join().unwrap());
        let sink = telemetry.spans();
        // It lives as long as the process: nothing of it is sent anywhere.
        std::mem::forget(telemetry);
        let spans = Kept::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        global::set_tracer_provider(provider.clone());
        Shared { sink, spans, provider }
    })
}
