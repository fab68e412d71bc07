//! Exports that cost the console far more than the sender are rejected, truncated or delayed, and do not affect other
//! senders.

use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::read::GzEncoder;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_proto::tonic::trace::v1::span::Event;
use prost::Message;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::telemetry::{export, resource, span, text, trace_hex, with};
use crate::under_test::{Console, in_time};

const PROTOBUF: &str = "application/x-protobuf";

async fn send(console: &Console, signal: &str, body: &[u8]) -> (StatusCode, Vec<u8>) {
    let mut packed = Vec::new();
    std::io::Read::read_to_end(&mut GzEncoder::new(body, Compression::fast()), &mut packed)
        .unwrap();
    let request = console.export(signal, PROTOBUF, packed).header("content-encoding", "gzip");
    let answer = in_time(request.send()).await.unwrap();
    (answer.status(), in_time(answer.bytes()).await.unwrap().to_vec())
}

fn metric(name: &str, points: usize) -> Vec<u8> {
    let gauge = Gauge { data_points: vec![NumberDataPoint::default(); points] };
    let metric = Metric { name: name.into(), data: Some(Data::Gauge(gauge)), ..Metric::default() };
    let scope = ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() };
    let sender = ResourceMetrics { scope_metrics: vec![scope], ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![sender] }.encode_to_vec()
}

fn empty_attributes(count: usize) -> Vec<KeyValue> {
    vec![KeyValue::default(); count]
}

#[tokio::test]
async fn a_metric_with_a_long_name_and_many_points_is_rejected_before_it_is_decoded() {
    let console = Console::start().await;
    let (status, reply) = send(&console, "metrics", &metric(&"n".repeat(100_000), 20_000)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(String::from_utf8_lossy(&reply).contains("name is longer than 1024 bytes"));

    let (status, reply) = send(&console, "metrics", &metric("short", 60_000)).await;
    let partial = ExportMetricsServiceResponse::decode(&*reply).unwrap().partial_success.unwrap();
    assert_eq!((status, partial.rejected_data_points), (StatusCode::OK, 10_000));
    assert!(partial.error_message.contains("send smaller batches"), "{partial:?}");
    assert_eq!(console.count("metric_points", "stored").await, 1);
    assert_eq!(console.count("metric_points", "received").await, 60_000);
}

#[tokio::test]
async fn hundreds_of_thousands_of_empty_items_are_handled_in_time() {
    let console = Console::start().await;
    let empty = [0x12, 0].repeat(400_000);
    let sized = |number: u8, data: &[u8]| {
        let mut out = vec![number << 3 | 2];
        prost::encoding::encode_varint(data.len() as u64, &mut out);
        [&out[..], data].concat()
    };
    let started = Instant::now();
    let (_, reply) = send(&console, "logs", &sized(1, &sized(2, &empty))).await;
    let partial = ExportTraceServiceResponse::decode(&*reply).unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 350_000);
    for body in [[0x0a, 0].repeat(400_000), sized(1, &empty)] {
        assert_eq!(send(&console, "traces", &body).await.0, StatusCode::OK);
    }
    let json = format!("{{\"resourceSpans\":[{}{{}}]}}", "{},".repeat(250_000));
    let sent = console.export("traces", "application/json", json.into()).send();
    assert_eq!(in_time(sent).await.unwrap().status(), StatusCode::OK);
    println!("{:?}", started.elapsed());
    in_time(console.page("/")).await;
}

#[tokio::test]
async fn attributes_and_events_beyond_the_limit_are_dropped_counted_and_shown_as_dropped() {
    let console = Console::start().await;
    let mut sent = with(span(1, 1, 0, "wide"), empty_attributes(120_000));
    sent.events = vec![Event { name: "event".into(), ..Event::default() }; 300];
    let mut request = export("gateway", vec![sent]);
    let from = request.resource_spans[0].resource.as_mut().unwrap();
    from.attributes.extend(empty_attributes(8_000));
    let (status, reply) = send(&console, "traces", &request.encode_to_vec()).await;
    assert_eq!((status, reply.len()), (StatusCode::OK, 0));
    let kept = console.api(&format!("/api/traces/{}", trace_hex(1))).await;
    let from = &kept["resourceSpans"][0];
    let span = &from["scopeSpans"][0]["spans"][0];
    let count = |list: &serde_json::Value| list.as_array().unwrap().len();
    assert_eq!(
        (count(&span["attributes"]), &span["droppedAttributesCount"]),
        (128, &119_872.into())
    );
    assert_eq!((count(&span["events"]), &span["droppedEventsCount"]), (128, &172.into()));
    let from = &from["resource"];
    assert_eq!((count(&from["attributes"]), &from["droppedAttributesCount"]), (128, &7_873.into()));
    let page = console.page(&format!("/traces/{}", trace_hex(1))).await;
    assert!(page.contains("more were dropped") && page.contains("64 more in the JSON"), "{page}");
    assert!(page.contains("172 more events were dropped"), "{page}");
    assert!(console.api("/api/status").await["spans"]["bytes"].as_u64().unwrap() < 10_000);
}

#[tokio::test]
async fn a_page_of_a_thousand_wide_spans_is_truncated_and_marked() {
    let console = Console::start().await;
    for first in [1, 501] {
        let wide = |id| {
            let value = "<&\">".repeat(70);
            with(span(1, id, 0, "wide"), (0..100).map(|at| text(&format!("key {at}"), &value)))
        };
        for from in (first..first + 500).step_by(25) {
            console.send(export("gateway", (from..from + 25).map(wide).collect())).await;
        }
    }
    let path = format!("/traces/{}", trace_hex(1));
    let page = console.page(&path).await;
    assert!(page.len() < 24 * 1024 * 1024, "{} bytes", page.len());
    assert!(page.contains("more in the JSON"));
    let whole = console.page(&format!("/api{path}")).await;
    let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let spans = whole["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    assert_eq!(spans.len() as u64, console.count("spans", "stored").await);
}

#[tokio::test]
async fn of_ten_thousand_services_in_one_trace_the_first_are_listed() {
    let console = Console::start().await;
    let mut request = export("service 0", Vec::new());
    request.resource_spans = (1..=10_000_u64)
        .map(|id| {
            let mut one = export("", vec![span(1, id, 0, "a")]).resource_spans.remove(0);
            one.resource = Some(resource(&format!("service {id}")));
            one
        })
        .collect();
    let (status, _) = send(&console, "traces", &request.encode_to_vec()).await;
    assert_eq!(status, StatusCode::OK);
    let listed = console.api("/api/traces").await;
    let trace = &listed["traces"][0];
    assert_eq!(trace["more_services"], 9_968);
    assert_eq!(trace["services"].as_array().unwrap().len(), 32);
    let last = console.api("/api/traces?service=service%2010000").await;
    assert_eq!(last["traces"].as_array().unwrap().len(), 1);
    console.page(&format!("/traces/{}", trace_hex(1))).await;
    let whole = console.api(&format!("/api/traces/{}", trace_hex(1))).await;
    assert_eq!(whole["resourceSpans"].as_array().unwrap().len(), 10_000);
}

#[tokio::test]
async fn an_oversized_resource_rejects_only_its_own_items() {
    let console = Console::start().await;
    let mut request = export("gateway", vec![span(1, 1, 0, "good")]);
    let mut large = export("gateway", vec![span(1, 2, 0, "lost")]).resource_spans.remove(0);
    large.resource.as_mut().unwrap().attributes.push(text("huge", &"x".repeat(20_000)));
    request.resource_spans.push(large);
    let (status, reply) = send(&console, "traces", &request.encode_to_vec()).await;
    let partial = ExportTraceServiceResponse::decode(&*reply).unwrap().partial_success.unwrap();
    assert_eq!((status, partial.rejected_spans), (StatusCode::OK, 1));
    assert!(partial.error_message.contains("fewer resource attributes"), "{partial:?}");
}

/// A sender that announces a body and sends only its first byte.
async fn slow(console: &Console) -> TcpStream {
    let mut stream = TcpStream::connect(console.running.otlp_http).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000\r\n\r\nx";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn slow_senders_delay_no_other_sender_and_get_an_error() {
    let console = Console::start().await;
    let mut slow_senders = Vec::new();
    for _ in 0..40 {
        slow_senders.push(slow(&console).await);
    }
    let started = Instant::now();
    console.send(export("gateway", vec![span(1, 1, 0, "by HTTP")])).await;
    let endpoint = format!("http://{}", console.running.otlp_grpc);
    let mut client = TraceServiceClient::connect(endpoint).await.unwrap();
    in_time(client.export(export("gateway", vec![span(1, 2, 0, "by gRPC")]))).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(console.count("spans", "stored").await, 2);
    for mut stream in slow_senders {
        let mut answer = Vec::new();
        let mut part = [0; 1024];
        while !String::from_utf8_lossy(&answer).contains("did not arrive") {
            let read = in_time(stream.read(&mut part)).await.unwrap();
            assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&part[..read]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn log_lines_that_exceed_one_response_are_truncated_and_marked() {
    use crate::telemetry::{export_logs, line};
    let console = Console::start().await;
    for _ in 0..3 {
        let lines = (0..20).map(|at| line(1, at, 9, &"\u{1}".repeat(200_000))).collect();
        let (status, _) = send(&console, "logs", &export_logs("loud", lines).encode_to_vec()).await;
        assert_eq!(status, StatusCode::OK);
    }
    let answer = console.api("/api/logs?limit=500").await;
    assert_eq!(answer["truncated"], true);
    assert!((1..20).contains(&answer["logs"].as_array().unwrap().len()));
    assert_eq!(console.api("/api/logs?limit=2").await["truncated"], serde_json::Value::Null);
}
