//! A trace is returned exactly in OTLP's JSON form.

use contract::signals::attr::LOST;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, TracesData};
use reqwest::StatusCode;
use serde_json::json;

use crate::telemetry::{START, attribute, export, failed, span, text, trace_hex, with};
use crate::under_test::Console;

#[tokio::test]
async fn a_trace_is_returned_in_otlps_json_form() {
    let console = Console::start().await;
    let mut sent = failed(span(0xabc, 0x2a, 0x1f, "process jobs.todo.add"), "division by zero");
    sent = with(sent, [attribute("waybill.job.attempt", Any::IntValue(2)), text("text", "a")]);
    sent.flags = 257;
    sent.links.push(Link {
        trace_id: 0xdef_u128.to_be_bytes().to_vec(),
        span_id: 0x77_u64.to_be_bytes().to_vec(),
        attributes: vec![text("waybill.link", "caller")],
        ..Default::default()
    });
    sent.events.push(Event {
        time_unix_nano: START,
        name: "validated".into(),
        ..Default::default()
    });
    console.send(export("processor", vec![sent])).await;

    let trace = console.api(&format!("/api/traces/{}", trace_hex(0xabc))).await;
    let resource = &trace["resourceSpans"][0]["resource"];
    assert_eq!(
        resource["attributes"],
        json!([{"key": "service.name", "value": {"stringValue": "processor"}}])
    );
    let scope = &trace["resourceSpans"][0]["scopeSpans"][0];
    assert_eq!(scope["scope"]["name"], "bus");
    let expected = json!({
        "traceId": "00000000000000000000000000000abc",
        "spanId": "000000000000002a",
        "traceState": "",
        "parentSpanId": "000000000000001f",
        "flags": 257,
        "name": "process jobs.todo.add",
        "kind": 5,
        "startTimeUnixNano": "1760000000042000000",
        "endTimeUnixNano": "1760000000052000000",
        "attributes": [
            {"key": "waybill.job.attempt", "value": {"intValue": "2"}},
            {"key": "text", "value": {"stringValue": "a"}},
        ],
        "droppedAttributesCount": 0,
        "events": [{
            "timeUnixNano": "1760000000000000000",
            "name": "validated",
            "attributes": [],
            "droppedAttributesCount": 0,
        }],
        "droppedEventsCount": 0,
        "links": [{
            "traceId": "00000000000000000000000000000def",
            "spanId": "0000000000000077",
            "traceState": "",
            "attributes": [{"key": "waybill.link", "value": {"stringValue": "caller"}}],
            "droppedAttributesCount": 0,
            "flags": 0,
        }],
        "droppedLinksCount": 0,
        "status": {"message": "division by zero", "code": 2},
    });
    assert_eq!(scope["spans"], json!([expected]));
}

#[tokio::test]
async fn a_returned_trace_can_be_exported_again() {
    let console = Console::start().await;
    console.send(export("gateway", vec![span(1, 1, 0, "POST")])).await;
    console.send(export("processor", vec![span(1, 2, 1, "process")])).await;
    let path = format!("/api/traces/{}", trace_hex(1));
    let trace: TracesData = serde_json::from_str(&console.page(&path).await).unwrap();
    assert_eq!(trace.resource_spans.len(), 2, "each service keeps its resource");
    let body = console.page(&path).await.into_bytes();
    let answer = console.export("traces", "application/json", body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(console.count("spans", "replaced").await, 2);
    assert_eq!(console.count("spans", "stored").await, 2);
}

#[tokio::test]
async fn an_unknown_trace_and_an_invalid_id_are_different_errors() {
    let console = Console::start().await;
    let (status, problem) = console.problem(&format!("/api/traces/{}", trace_hex(9))).await;
    assert_eq!((status, &problem["status"]), (StatusCode::NOT_FOUND, &json!(404)));
    for bad in ["xyz", "00000000000000000000000000000000", "abc"] {
        let (status, problem) = console.problem(&format!("/api/traces/{bad}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(problem["detail"].as_str().unwrap().contains("trace_id"));
    }
}

#[tokio::test]
async fn a_span_that_arrives_twice_is_replaced() {
    let console = Console::start().await;
    console.send(export("gateway", vec![failed(span(1, 1, 0, "first"), "no")])).await;
    console.send(export("gateway", vec![span(1, 1, 0, "second"), span(1, 2, 1, "other")])).await;
    let listed = console.api("/api/traces").await;
    assert_eq!(listed["traces"][0]["span_count"], 2);
    assert_eq!(listed["traces"][0]["root_name"], "second");
    assert_eq!(listed["traces"][0]["error"], false);
    assert_eq!(console.count("spans", "replaced").await, 1);
}

#[tokio::test]
async fn a_span_of_a_lost_process_never_replaces_the_complete_span() {
    let console = Console::start().await;
    let whole = span(1, 1, 0, "publish");
    let mut left = with(whole.clone(), [attribute(LOST, Any::BoolValue(true))]);
    left.end_time_unix_nano = left.start_time_unix_nano;
    for (trace, copies) in [(1, [&whole, &left]), (2, [&left, &whole])] {
        for copy in copies {
            let copy = Span { trace_id: u128::to_be_bytes(trace).to_vec(), ..copy.clone() };
            console.send(export("gateway", vec![copy])).await;
        }
        let kept = console.api(&format!("/api/traces/{}", trace_hex(trace))).await;
        let kept = &kept["resourceSpans"][0]["scopeSpans"][0]["spans"];
        assert_eq!(kept.as_array().unwrap().len(), 1);
        assert_eq!(kept[0]["endTimeUnixNano"], whole.end_time_unix_nano.to_string());
        assert_eq!(kept[0]["attributes"].as_array().map_or(0, Vec::len), 0, "{kept}");
    }
}
