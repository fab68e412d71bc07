//! Log lines in the API.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;
use serde_json::{Value, json};

use crate::telemetry::{attribute, export, export_logs, line, span, text, trace_hex, with};
use crate::under_test::{Console, in_time};

async fn send(console: &Console, service: &str, lines: Vec<LogRecord>) {
    let body = export_logs(service, lines).encode_to_vec();
    let sent = console.export("logs", "application/x-protobuf", body).send();
    assert!(in_time(sent).await.unwrap().status().is_success());
}

async fn bodies(console: &Console, query: &str) -> Vec<String> {
    let answer = console.api(&format!("/api/logs?{query}")).await;
    let lines = answer["logs"].as_array().unwrap().iter();
    lines.map(|line| line["body"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_line_has_time_service_severity_text_and_trace() {
    let console = Console::start().await;
    let mut sent = line(7, 5, 13, "attempt 1 failed");
    sent.attributes = vec![text("job_id", "j-1"), attribute("attempt", Any::IntValue(1))];
    send(&console, "processor", vec![sent]).await;
    let answer = console.api("/api/logs").await;
    assert_eq!(
        answer["logs"],
        json!([{
            "time_unix_ms": 1_760_000_000_005_u64,
            "service": "processor",
            "severity": "warn",
            "body": "attempt 1 failed",
            "trace_id": trace_hex(7),
            "span_id": "0000000000000001",
            "attributes": {"job_id": "j-1", "attempt": 1},
        }])
    );
}

#[tokio::test]
async fn every_filter_of_log_lines_selects_its_matches() {
    let console = Console::start().await;
    let of_job = with(span(7, 1, 0, "process"), [text("waybill.job.id", "j-1")]);
    console.send(export("processor", vec![of_job])).await;
    let mut outside = line(0, 3, 17, "cannot reach the broker");
    outside.attributes = vec![text("job_id", "j-1")];
    send(&console, "processor", vec![line(7, 1, 5, "looks"), line(7, 2, 9, "works"), outside])
        .await;
    send(&console, "notifier", vec![line(8, 4, 0, "no severity")]).await;
    let of_trace = format!("trace_id={}", trace_hex(7));
    for (query, expected) in [
        ("", vec!["no severity", "cannot reach the broker", "works", "looks"]),
        (of_trace.as_str(), vec!["works", "looks"]),
        ("service=notifier", vec!["no severity"]),
        ("severity=info", vec!["cannot reach the broker", "works"]),
        ("severity=ERROR", vec!["cannot reach the broker"]),
        ("job=j-1", vec!["cannot reach the broker", "works", "looks"]),
        ("contains=reach", vec!["cannot reach the broker"]),
        ("limit=1", vec!["no severity"]),
        ("contains=nothing%20like%20it", vec![]),
    ] {
        assert_eq!(bodies(&console, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_a_string_is_shown_as_json_and_can_be_searched() {
    let console = Console::start().await;
    let list = KeyValueList { values: vec![text("step", "parse")] };
    let body = Some(AnyValue { value: Some(Any::KvlistValue(list)) });
    send(&console, "ingester", vec![LogRecord { body, ..line(0, 1, 9, "") }]).await;
    assert_eq!(bodies(&console, "contains=parse").await, [r#"{"step":"parse"}"#]);
    let answer = console.api("/api/logs").await;
    assert_eq!(answer["logs"][0]["trace_id"], Value::Null);
}

#[tokio::test]
async fn a_rare_line_is_found_among_many() {
    let console = Console::start().await;
    let lines = (0..5_000).map(|at| line(0, at, 9, if at == 3 { "rare" } else { "common" }));
    send(&console, "ingester", lines.collect()).await;
    assert_eq!(bodies(&console, "contains=rare").await, ["rare"]);
    assert_eq!(bodies(&console, "contains=common&limit=500").await.len(), 500);
}
