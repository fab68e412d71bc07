//! Targets that refuse, hang or recover: nothing blocks, and drops are counted.

use std::{net::TcpListener, time::Duration};

use testkit::{OtlpSink, SinkMode};

use crate::probe::{ProbeOrder, ProbeReport, probe, value};

/// Spans and lines of a flood, many times the limits of the queues.
const COUNT: &str = "60000";
/// Time limit of a stop: 2 s, plus some time for a busy machine.
const STOP_TIME_MAX: Duration = Duration::from_secs(3);
/// Memory that the second half of a flood may add, when the first has filled the queues.
const GROWTH_MAX: f64 = 4e6;

async fn flood(endpoint: &str) -> ProbeReport {
    let variables =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), ("PROBE_COUNT", COUNT), ("RUST_LOG", "warn")];
    probe(ProbeOrder::Flood, &variables).await.report
}

fn dropped(report: &ProbeReport, signal: &str) -> u32 {
    let name = format!("waybill_telemetry_dropped_total{{signal=\"{signal}\"}}");
    let dropped = value(&report.metrics_at_end, &name).strip_suffix(".0");
    dropped.unwrap().parse().unwrap()
}

fn assert_unharmed(report: &ProbeReport) {
    assert!(report.slowest < Duration::from_secs(1), "one span took {:?}", report.slowest);
    let growth = report.memory[1] - report.memory[0];
    assert!(growth < GROWTH_MAX, "grew by {growth} bytes");
    assert!(report.stop < STOP_TIME_MAX, "the stop took {:?}", report.stop);
}

#[tokio::test]
async fn a_target_that_refuses_only_causes_counted_drops() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let report = flood(&format!("http://127.0.0.1:{port}")).await;
    assert_unharmed(&report);
    assert_eq!([dropped(&report, "spans"), dropped(&report, "logs")], [60_000, 60_000]);
}

#[tokio::test]
async fn a_target_that_accepts_connections_and_never_responds_only_causes_counted_drops() {
    // No one accepts, but the system completes every connection.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let report = flood(&endpoint).await;
    assert_unharmed(&report);
    assert_eq!([dropped(&report, "spans"), dropped(&report, "logs")], [60_000, 60_000]);
}

#[tokio::test]
async fn a_target_that_accepts_requests_and_never_responds_only_causes_counted_drops() {
    let sink = OtlpSink::start().await;
    sink.set_mode(SinkMode::Hanging);
    let report = flood(&sink.endpoint()).await;
    assert_unharmed(&report);
    assert_eq!([dropped(&report, "spans"), dropped(&report, "logs")], [60_000, 60_000]);
    assert!(sink.requests() > 0);
}

#[tokio::test]
async fn received_and_dropped_items_add_up() {
    let sink = OtlpSink::start().await;
    let report = flood(&sink.endpoint()).await;
    assert!(report.stop < STOP_TIME_MAX, "the stop took {:?}", report.stop);
    let spans = u32::try_from(sink.spans().len()).unwrap();
    let logs = u32::try_from(sink.logs().len()).unwrap();
    assert_eq!(spans + dropped(&report, "spans"), 60_000);
    assert_eq!(logs + dropped(&report, "logs"), 60_000);
    assert!(spans > 8_192 && logs > 4_096, "{spans} spans and {logs} lines arrived");
}

#[tokio::test]
async fn a_refusing_target_is_reported_once_and_not_with_every_batch() {
    let sink = OtlpSink::start().await;
    sink.set_mode(SinkMode::Refusing);
    let endpoint = sink.endpoint();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("RUST_LOG", "warn")];
    let outcome = probe(ProbeOrder::Story, &variables).await;
    let signals: Vec<_> = outcome.lines.iter().map(|line| line["signal"].as_str()).collect();
    assert_eq!(signals.len(), 2, "{:?}", outcome.lines);
    assert!(signals.contains(&Some("spans")) && signals.contains(&Some("logs")));
}
