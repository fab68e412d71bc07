//! Tests of the Loki exporter with a fake Loki.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use loki_api::{logproto::PushRequest, prost::Message as _};

use crate::probe::{ProbeOrder, number, probe};

#[derive(Clone, Default)]
struct FakeLoki(Arc<Mutex<Vec<PushRequest>>>);

impl FakeLoki {
    async fn start(&self) -> String {
        let routes = Router::new().route("/prefix/loki/api/v1/push", post(take));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, routes.with_state(self.clone())).into_future());
        format!("http://{address}/prefix")
    }

    /// Labels and line of every entry, in the order of arrival.
    fn lines(&self) -> Vec<(String, serde_json::Value)> {
        let pushed = self.0.lock().unwrap();
        let streams = pushed.iter().flat_map(|push| &push.streams);
        let entries = streams
            .flat_map(|stream| stream.entries.iter().map(|entry| (&stream.labels, &entry.line)));
        entries
            .map(|(labels, line)| (labels.clone(), serde_json::from_str(line).unwrap()))
            .collect()
    }
}

async fn take(State(loki): State<FakeLoki>, body: Bytes) -> StatusCode {
    let body = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    loki.0.lock().unwrap().push(PushRequest::decode(body.as_slice()).unwrap());
    StatusCode::NO_CONTENT
}

#[tokio::test]
async fn a_line_reaches_loki_with_the_ids_of_its_span() {
    let loki = FakeLoki::default();
    let url = loki.start().await;
    let outcome =
        probe(ProbeOrder::Story, &[("LOKI_URL", &url), ("WAYBILL_TELEMETRY", "off")]).await;
    let lines = loki.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let (labels, line) = &lines[0];
    assert!(
        labels.contains("service_name=\"processor\"") && labels.contains("level=\"info\""),
        "{labels}"
    );
    assert_eq!((&line["message"], &line["job_id"]), (&"took the job".into(), &"j-1".into()));
    assert_eq!((&line["ratio"], &line["_target"]), (&0.5.into(), &"it::probe".into()));
    assert_eq!(line["trace_id"], outcome.report.trace_id.as_str());
    assert_eq!(line["span_id"], outcome.lines[0]["span_id"]);
}

#[tokio::test]
async fn a_silent_loki_only_causes_dropped_lines() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let variables = [
        ("LOKI_URL", url.as_str()),
        ("WAYBILL_TELEMETRY", "off"),
        ("RUST_LOG", "warn"),
        ("PROBE_COUNT", "60000"),
    ];
    let report = probe(ProbeOrder::Flood, &variables).await.report;
    assert!(report.slowest < Duration::from_secs(1), "one line took {:?}", report.slowest);
    assert!(report.stop < Duration::from_secs(3), "the stop took {:?}", report.stop);
    let dropped =
        number(&report.metrics_at_end, "waybill_telemetry_dropped_total{signal=\"loki\"}");
    assert!(dropped > 50_000.0, "{dropped}");
    assert!(report.memory[1] - report.memory[0] < 8e6, "{:?}", report.memory);
}

#[tokio::test]
async fn a_loki_that_refuses_is_reported_and_its_lines_are_counted() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let variables = [
        ("LOKI_URL", url.as_str()),
        ("WAYBILL_TELEMETRY", "off"),
        ("RUST_LOG", "warn"),
        ("PROBE_COUNT", "1000"),
    ];
    let outcome = probe(ProbeOrder::Flood, &variables).await;
    let signals: Vec<_> = outcome.lines.iter().map(|line| line["signal"].as_str()).collect();
    assert_eq!(signals, [Some("loki")], "{:?}", outcome.lines);
    let dropped =
        number(&outcome.report.metrics_at_end, "waybill_telemetry_dropped_total{signal=\"loki\"}");
    assert!(dropped >= 1_000.0, "{dropped}");
}
