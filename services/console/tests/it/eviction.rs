//! Eviction when the store is full, and its counts.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use reqwest::StatusCode;

use crate::telemetry::{export, export_logs, line, span, text, trace_hex, with};
use crate::under_test::{Console, in_time};

async fn status_of(console: &Console, trace: u128) -> StatusCode {
    console.any_page(&format!("/api/traces/{}", trace_hex(trace))).await.0
}

#[tokio::test]
async fn the_oldest_trace_is_evicted_first_and_counted() {
    let console = Console::with(|config| config.spans_max = 4).await;
    for trace in 1..=3 {
        console.send(export("gateway", vec![span(trace, 1, 0, "a"), span(trace, 2, 1, "b")])).await;
    }
    assert_eq!(status_of(&console, 1).await, StatusCode::NOT_FOUND);
    assert_eq!(status_of(&console, 2).await, StatusCode::OK);
    assert_eq!(status_of(&console, 3).await, StatusCode::OK);
    let status = console.api("/api/status").await;
    let spans = &status["spans"];
    assert_eq!((&spans["received"], &spans["stored"]), (&6.into(), &4.into()));
    assert_eq!((&spans["evicted"], &spans["rejected"]), (&2.into(), &0.into()));
    assert_eq!(status["traces"], 2);
}

#[tokio::test]
async fn a_growing_trace_stays_and_an_idle_one_is_evicted() {
    let console = Console::with(|config| config.spans_max = 4).await;
    console.send(export("gateway", vec![span(1, 1, 0, "long job")])).await;
    console.send(export("gateway", vec![span(2, 1, 0, "quiet"), span(2, 2, 1, "quiet")])).await;
    console.send(export("processor", vec![span(1, 2, 1, "progress")])).await;
    console.send(export("gateway", vec![span(3, 1, 0, "new")])).await;
    assert_eq!(status_of(&console, 1).await, StatusCode::OK);
    assert_eq!(status_of(&console, 2).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_job_whose_trace_was_evicted_is_no_longer_found() {
    let console = Console::with(|config| config.spans_max = 1).await;
    for (trace, job) in [(1, "j-1"), (2, "j-2")] {
        let sent = with(span(trace, 1, 0, "a"), [text("waybill.job.id", job)]);
        console.send(export("gateway", vec![sent])).await;
    }
    assert_eq!(console.api("/api/traces?job=j-1").await["traces"].as_array().unwrap().len(), 0);
    assert_eq!(console.api("/api/traces?job=j-2").await["traces"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn memory_is_limited_independently_of_counts() {
    let console = Console::with(|config| config.memory_mib = 1).await;
    for trace in 1..=40 {
        let large = with(span(trace, 1, 0, "large"), [text("x", &"x".repeat(100_000))]);
        console.send(export("gateway", vec![large])).await;
    }
    let spans = &console.api("/api/status").await["spans"];
    assert!(spans["bytes"].as_u64().unwrap() <= spans["limit"]["bytes"].as_u64().unwrap());
    assert!(spans["stored"].as_u64().unwrap() >= 4, "{spans}");
    assert_eq!(spans["stored"].as_u64().unwrap() + spans["evicted"].as_u64().unwrap(), 40);
}

#[tokio::test]
async fn an_endless_trace_does_not_evict_the_others() {
    let console = Console::start().await;
    console.send(export("gateway", vec![span(1, 1, 0, "neighbour")])).await;
    let endless = (1..=10_010).map(|id| span(2, id, 0, "again")).collect();
    let body = export("loop", endless).encode_to_vec();
    let sent = console.export("traces", "application/x-protobuf", body).send();
    let answer = in_time(in_time(sent).await.unwrap().bytes()).await.unwrap();
    let partial = ExportTraceServiceResponse::decode(answer).unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 10);
    assert_eq!(status_of(&console, 1).await, StatusCode::OK);
    assert_eq!(console.count("spans", "stored").await, 10_001);
}

#[tokio::test]
async fn the_oldest_log_lines_are_evicted_first_and_from_the_index_by_trace() {
    let console = Console::with(|config| config.logs_max = 3).await;
    let lines = (1..=5).map(|at| line(at.min(4).into(), at, 9, &format!("line {at}"))).collect();
    let body = export_logs("gateway", lines).encode_to_vec();
    let sent = console.export("logs", "application/x-protobuf", body).send();
    assert_eq!(in_time(sent).await.unwrap().status(), StatusCode::OK);
    let bodies = |answer: serde_json::Value| -> Vec<String> {
        let lines = answer["logs"].as_array().unwrap().iter();
        lines.map(|line| line["body"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(bodies(console.api("/api/logs").await), ["line 5", "line 4", "line 3"]);
    let of = |trace| format!("/api/logs?trace_id={}", trace_hex(trace));
    assert!(bodies(console.api(&of(2)).await).is_empty());
    assert_eq!(bodies(console.api(&of(3)).await), ["line 3"]);
    assert_eq!(bodies(console.api(&of(4)).await), ["line 5", "line 4"]);
    assert_eq!(console.count("logs", "evicted").await, 2);
}
