//! Accepted and rejected exports, and their responses.

use std::io::{Cursor, Read, Write};

use flate2::Compression;
use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tonic::Code;
use tonic::codec::CompressionEncoding;

use crate::telemetry::{export, export_logs, line, span, text, trace_hex, with};
use crate::under_test::{Console, in_time};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

#[tokio::test]
async fn all_signals_are_received_over_grpc_compressed_or_not() {
    let console = Console::start().await;
    let endpoint = format!("http://{}", console.running.otlp_grpc);

    let mut traces = TraceServiceClient::connect(endpoint.clone()).await.unwrap();
    let reply = in_time(traces.export(export("gateway", vec![span(1, 1, 0, "POST")]))).await;
    assert_eq!(reply.unwrap().into_inner().partial_success, None);
    let mut compressed = traces.send_compressed(CompressionEncoding::Gzip);
    in_time(compressed.export(export("gateway", vec![span(1, 2, 1, "publish")]))).await.unwrap();

    let mut logs = LogsServiceClient::connect(endpoint.clone()).await.unwrap();
    in_time(logs.export(export_logs("gateway", vec![line(1, 0, 9, "taken")]))).await.unwrap();
    let mut metrics = MetricsServiceClient::connect(endpoint).await.unwrap();
    in_time(metrics.export(ExportMetricsServiceRequest::default())).await.unwrap();

    assert_eq!(console.count("spans", "stored").await, 2);
    assert_eq!(console.count("logs", "stored").await, 1);
    let trace = console.api(&format!("/api/traces/{}", trace_hex(1))).await;
    assert_eq!(trace["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_json_export_gets_a_json_response() {
    let console = Console::start().await;
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [
        {"traceId": trace_hex(1), "spanId": "00000000000000a1", "name": "from JSON", "unknownField": 1},
        {"traceId": "", "spanId": "00000000000000a2", "name": "without a trace"},
    ]}]}]});
    let sent = console.export("traces", JSON, body.to_string().into()).send();
    let answer = in_time(sent).await.unwrap();
    assert_eq!(answer.headers()["content-type"], JSON);
    let reply: Value = in_time(answer.json()).await.unwrap();
    assert_eq!(reply["partialSuccess"]["rejectedSpans"], "1");
    assert_eq!(console.count("spans", "stored").await, 1);
}

#[tokio::test]
async fn every_content_coding_is_decoded_in_any_case() {
    let console = Console::start().await;
    let plain = export("gateway", vec![span(1, 1, 0, "packed")]).encode_to_vec();
    let mut requests = Vec::new();
    let mut add = |names: &[&'static str], body: Vec<u8>| {
        requests.extend(names.iter().map(|name| (*name, body.clone())));
    };
    let all = |mut reader: Box<dyn Read>| {
        let mut body = Vec::new();
        reader.read_to_end(&mut body).unwrap();
        body
    };
    let fast = Compression::fast();
    let sent = plain.clone();
    add(&["gzip", "GZip", "x-gzip"], all(Box::new(GzEncoder::new(Cursor::new(sent), fast))));
    let sent = plain.clone();
    add(&["deflate", "DEFLATE"], all(Box::new(ZlibEncoder::new(Cursor::new(sent), fast))));
    let sent = plain.clone();
    add(&["deflate"], all(Box::new(DeflateEncoder::new(Cursor::new(sent), fast))));
    add(&["zstd", "Zstd"], zstd::encode_all(&*plain, 0).unwrap());
    add(&["identity", "Identity", ""], plain);
    let count = requests.len() as u64;
    for (name, body) in requests {
        let request = console.export("traces", PROTOBUF, body).header("content-encoding", name);
        assert_eq!(in_time(request.send()).await.unwrap().status(), StatusCode::OK, "{name}");
    }
    assert_eq!(console.count("spans", "received").await, count);
}

#[tokio::test]
async fn rejected_spans_are_reported_and_the_others_are_kept() {
    let console = Console::start().await;
    let mut short = span(1, 2, 0, "short id");
    short.span_id.pop();
    let huge = with(span(1, 4, 0, "huge"), [text("huge", &"x".repeat(300_000))]);
    let spans = vec![span(1, 1, 0, "good"), short, span(0, 3, 0, "zero id"), huge];
    let body = export("gateway", spans).encode_to_vec();
    let answer = in_time(console.export("traces", PROTOBUF, body).send()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let reply = ExportTraceServiceResponse::decode(in_time(answer.bytes()).await.unwrap()).unwrap();
    let partial = reply.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 3);
    assert!(partial.error_message.contains("id"), "{partial:?}");
    assert_eq!(console.count("spans", "rejected").await, 3);
    assert_eq!(console.count("spans", "stored").await, 1);
}

/// A name that `with_invalid_utf8` damages.
const BROKEN: &str = "\u{fffd}\u{fffd}";

/// An export in which the first text called `BROKEN` is not UTF-8.
fn with_invalid_utf8(spans: Vec<Span>) -> Vec<u8> {
    let mut body = export("gateway", spans).encode_to_vec();
    let at = body.windows(3).position(|bytes| bytes == "\u{fffd}".as_bytes()).unwrap();
    body[at] = 0xff;
    body
}

#[tokio::test]
async fn a_malformed_span_is_rejected_and_the_others_are_kept() {
    let console = Console::start().await;
    let spans = vec![span(1, 1, 0, "good"), span(1, 2, 0, BROKEN), span(1, 3, 0, "good")];
    let sent = console.export("traces", PROTOBUF, with_invalid_utf8(spans)).send();
    let answer = in_time(in_time(sent).await.unwrap().bytes()).await.unwrap();
    let partial = ExportTraceServiceResponse::decode(answer).unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("name is not UTF-8"), "{partial:?}");
    assert_eq!(console.count("spans", "stored").await, 2);
    assert_eq!(console.count("spans", "rejected").await, 1);
}

#[tokio::test]
async fn an_export_without_any_valid_item_is_rejected() {
    let console = Console::start().await;
    for (media, body) in [
        (PROTOBUF, b"this is not protobuf".to_vec()),
        (PROTOBUF, with_invalid_utf8(vec![span(1, 2, 0, BROKEN)])),
        (JSON, b"{\"resourceSpans\": [".to_vec()),
        (JSON, b"{\"resourceSpans\": 7}".to_vec()),
    ] {
        let answer = in_time(console.export("traces", media, body).send()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(answer.headers()["content-type"], media);
        assert!(!in_time(answer.bytes()).await.unwrap().is_empty(), "a reason");
    }
    let status = console.api("/api/status").await;
    assert_eq!((&status["spans"]["received"], &status["exports_refused"]), (&0.into(), &4.into()));
}

#[tokio::test]
async fn an_oversized_export_is_rejected_and_the_sender_reads_the_reason() {
    let console = Console::start().await;
    let plain = vec![0; 9 * 1024 * 1024];
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&plain).unwrap();
    let request = |body| console.export("traces", PROTOBUF, body);
    let gzip = request(packed.finish().unwrap()).header("content-encoding", "gzip");
    let zstd = request(zstd::encode_all(&*plain, 0).unwrap()).header("content-encoding", "zstd");
    for request in [request(plain), gzip, zstd] {
        let answer = in_time(request.send()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let body = in_time(answer.bytes()).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("smaller batches"));
    }

    let endpoint = format!("http://{}", console.running.otlp_grpc);
    let mut client = TraceServiceClient::connect(endpoint).await.unwrap();
    let many = (1..=40).map(|id| with(span(1, id, 0, "large"), [text("x", &"x".repeat(250_000))]));
    let refused = in_time(client.export(export("gateway", many.collect()))).await.unwrap_err();
    // Not a code after which senders repeat the export, which would be rejected again.
    assert_eq!((refused.code(), refused.details()), (Code::ResourceExhausted, &b""[..]));
}

#[tokio::test]
async fn an_unknown_content_coding_is_rejected() {
    let console = Console::start().await;
    for (encoding, status) in [
        ("br", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("gzip, zstd", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("gzip", StatusCode::BAD_REQUEST),
        ("deflate", StatusCode::BAD_REQUEST),
        ("zstd", StatusCode::BAD_REQUEST),
    ] {
        let request = console.export("traces", PROTOBUF, b"plain".to_vec());
        let sent = request.header("content-encoding", encoding).send();
        assert_eq!(in_time(sent).await.unwrap().status(), status, "{encoding}");
    }
}

#[tokio::test]
async fn an_oversized_resource_is_rejected() {
    let console = Console::start().await;
    let mut request = export("gateway", vec![span(1, 1, 0, "good")]);
    let resource = request.resource_spans[0].resource.as_mut().unwrap();
    resource.attributes.push(text("huge", &"x".repeat(20_000)));
    let sent = console.export("traces", PROTOBUF, request.encode_to_vec()).send();
    assert_eq!(in_time(sent).await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn spans_beyond_the_limit_of_a_trace_are_counted_once() {
    let console = Console::start().await;
    let spans = (1..=12_000).map(|id| span(1, id, 0, "many")).collect();
    let body = export("gateway", spans).encode_to_vec();
    let answer = in_time(console.export("traces", PROTOBUF, body).send()).await.unwrap();
    let reply = ExportTraceServiceResponse::decode(in_time(answer.bytes()).await.unwrap()).unwrap();
    assert_eq!(reply.partial_success.unwrap().rejected_spans, 2_000);
    for (count, expected) in [("received", 12_000), ("stored", 10_000), ("rejected", 2_000)] {
        assert_eq!(console.count("spans", count).await, expected, "{count}");
    }
}
