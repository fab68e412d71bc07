//! A console on free ports, and its clients.

use std::future::Future;
use std::time::Duration;

use console::{Config, RunningConsole};
use contract::signals::METRICS;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use reqwest::{Client, RequestBuilder, StatusCode};
use runtime::clock::Clock;
use serde_json::Value;
use telemetry::Metrics;
use tokio_util::sync::CancellationToken;

/// Limit for a single step.
pub(crate) const STEP_LIMIT: Duration = Duration::from_secs(10);

/// A console that ends with the test.
pub(crate) struct Console {
    pub(crate) running: RunningConsole,
    pub(crate) stop: CancellationToken,
    pub(crate) client: Client,
}

impl Console {
    /// A console with default settings.
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// A console with changed settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::on_free_ports();
        change(&mut config);
        let stop = CancellationToken::new();
        let running = console::start(config, metrics(), stop.clone()).await.unwrap();
        let redirect = reqwest::redirect::Policy::none();
        let client = Client::builder().no_proxy().redirect(redirect).build().unwrap();
        Self { running, stop, client }
    }

    /// A request to a page or the API.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("http://{}{path}", self.running.console))
    }

    /// The page at `path`; its status must be 200.
    pub(crate) async fn page(&self, path: &str) -> String {
        let (status, body) = self.any_page(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// Status and body of the response at `path`.
    pub(crate) async fn any_page(&self, path: &str) -> (StatusCode, String) {
        let answer = in_time(self.get(path).send()).await.unwrap();
        (answer.status(), in_time(answer.text()).await.unwrap())
    }

    /// The JSON at `path`; its status must be 200.
    pub(crate) async fn api(&self, path: &str) -> Value {
        serde_json::from_str(&self.page(path).await).unwrap()
    }

    /// The problem that the API responds with.
    pub(crate) async fn problem(&self, path: &str) -> (StatusCode, Value) {
        let answer = in_time(self.get(path).send()).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
        let status = answer.status();
        (status, in_time(answer.json()).await.unwrap())
    }

    /// An export over HTTP.
    pub(crate) fn export(&self, signal: &str, media: &str, body: Vec<u8>) -> RequestBuilder {
        let url = format!("http://{}/v1/{signal}", self.running.otlp_http);
        self.client.post(url).header("content-type", media).body(body)
    }

    /// Exports spans, which must all be accepted.
    pub(crate) async fn send(&self, request: ExportTraceServiceRequest) {
        let body = request.encode_to_vec();
        let sent = self.export("traces", "application/x-protobuf", body).send();
        let answer = in_time(sent).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(in_time(answer.bytes()).await.unwrap().is_empty(), "a span was rejected");
    }

    /// One count of `/api/status`.
    pub(crate) async fn count(&self, signal: &str, name: &str) -> u64 {
        self.api("/api/status").await[signal][name].as_u64().unwrap()
    }
}

/// The console's own metrics.
pub(crate) fn metrics() -> Metrics {
    Metrics::new(METRICS, None, Clock::new().offset())
}

impl Drop for Console {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The output of a future, within [`STEP_LIMIT`].
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(STEP_LIMIT, future).await.expect("the step timed out")
}
