//! Search for traces.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use reqwest::StatusCode;
use serde_json::json;

use crate::telemetry::{START, attribute, export, failed, span, text, trace_hex, with};
use crate::under_test::Console;

/// Trace 1: two services, job `j-1`, 11 ms. Trace 2: failed, attempt 2, 10 ms. Trace 3: long.
async fn three_traces() -> Console {
    let console = Console::start().await;
    let job = |span, job| with(span, [text("waybill.job.id", job)]);
    console.send(export("gateway", vec![job(span(1, 1, 0, "POST /v1/jobs"), "j-1")])).await;
    console
        .send(export("processor", vec![job(span(1, 2, 1, "process jobs.todo.add"), "j-1")]))
        .await;
    let second = failed(job(span(2, 1, 0, "process jobs.todo.hash"), "j-2"), "no");
    let second = with(second, [attribute("waybill.job.attempt", Any::IntValue(2))]);
    console.send(export("processor", vec![second])).await;
    let mut third = span(3, 1, 0, "wait");
    third.end_time_unix_nano = START + 5_000_000_000;
    console.send(export("client", vec![third])).await;
    console
}

async fn found(console: &Console, query: &str) -> Vec<u128> {
    let answer = console.api(&format!("/api/traces?{query}")).await;
    let traces = answer["traces"].as_array().unwrap().iter();
    let id = |trace: &serde_json::Value| trace["trace_id"].as_str().unwrap().to_owned();
    traces.map(|trace| u128::from_str_radix(&id(trace), 16).unwrap()).collect()
}

#[tokio::test]
async fn every_filter_of_traces_selects_its_matches_newest_first() {
    let console = three_traces().await;
    for (query, expected) in [
        ("", vec![3, 2, 1]),
        ("limit=2", vec![3, 2]),
        ("service=processor", vec![2, 1]),
        ("service=process", vec![]),
        ("name=jobs.todo", vec![2, 1]),
        ("status=error", vec![2]),
        ("status=ok", vec![3, 1]),
        ("min_duration_ms=11", vec![3, 1]),
        ("min_duration_ms=4000.5", vec![3]),
        ("job=j-1", vec![1]),
        ("job=j-9", vec![]),
        ("attribute=waybill.job.attempt%3D2", vec![2]),
        ("attribute=waybill.job.attempt%3D3", vec![]),
        ("service=processor&status=ok", vec![1]),
        ("job=j-2&status=ok", vec![]),
        ("service=&name=&limit=", vec![3, 2, 1]),
    ] {
        assert_eq!(found(&console, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_summary_has_root_services_duration_and_job() {
    let console = three_traces().await;
    let answer = console.api("/api/traces?job=j-1").await;
    assert_eq!(
        answer["traces"],
        json!([{
            "trace_id": trace_hex(1),
            "root_service": "gateway",
            "root_name": "POST /v1/jobs",
            "start_unix_ms": 1_760_000_000_001_u64,
            "duration_ms": 11.0,
            "span_count": 2,
            "error": false,
            "services": ["gateway", "processor"],
            "job_id": "j-1",
        }])
    );
    let without_job = console.api("/api/traces?service=client").await;
    assert_eq!(without_job["traces"][0].get("job_id"), None);
}

#[tokio::test]
async fn one_job_in_two_traces_is_found_in_both() {
    let console = three_traces().await;
    let stray = with(span(4, 1, 0, "lost its context"), [text("waybill.job.id", "j-1")]);
    console.send(export("processor", vec![stray])).await;
    assert_eq!(found(&console, "job=j-1").await, [4, 1]);
}

#[tokio::test]
async fn the_default_and_the_maximum_limit_are_applied() {
    let console = Console::start().await;
    let spans = (1..=600).map(|trace| span(trace, 1, 0, "many")).collect();
    console.send(export("gateway", spans)).await;
    assert_eq!(found(&console, "").await.len(), 20);
    let most = found(&console, "limit=500").await;
    assert_eq!((most.len(), most[0], most[499]), (500, 600, 101));
}

#[tokio::test]
async fn an_invalid_query_is_rejected_with_the_name_of_the_parameter() {
    let console = Console::start().await;
    for (path, named) in [
        ("/api/traces?servcie=gateway", "servcie"),
        ("/api/traces?status=broken", "status"),
        ("/api/traces?limit=0", "limit"),
        ("/api/traces?limit=501", "limit"),
        ("/api/traces?limit=many", "limit"),
        ("/api/traces?min_duration_ms=-1", "min_duration_ms"),
        ("/api/traces?min_duration_ms=NaN", "min_duration_ms"),
        ("/api/traces?attribute=key", "attribute"),
        ("/api/traces?service=a&service=b", "service"),
        ("/api/logs?trace_id=7", "trace_id"),
        ("/api/logs?severity=loud", "severity"),
        ("/api/logs?name=x", "name"),
        ("/api/metrics?limit=1", "limit"),
    ] {
        let (status, problem) = console.problem(path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert!(problem["detail"].as_str().unwrap().contains(named), "{path}: {problem}");
    }
}
