//! The OTLP receiver in its modes.

use std::time::Duration;

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{ExportLogsServiceRequest, logs_service_client::LogsServiceClient},
        trace::v1::{ExportTraceServiceRequest, trace_service_client::TraceServiceClient},
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, status::StatusCode},
};
use testkit::{OtlpSink, ReceivedSpan, SinkMode};
use tokio::time::timeout;
use tonic::{Code, transport::Channel};

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

fn resource() -> Resource {
    let name = Value::StringValue("gateway".into());
    Resource { attributes: vec![attribute("service.name", name)], ..Default::default() }
}

fn span(trace: u8, id: u8, start: u64) -> Span {
    Span {
        trace_id: vec![trace; 16],
        span_id: vec![id; 8],
        name: format!("span {id}"),
        start_time_unix_nano: start,
        attributes: vec![attribute("waybill.job.attempt", Value::IntValue(2))],
        status: Some(Status { code: StatusCode::Error.into(), ..Default::default() }),
        ..Default::default()
    }
}

fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..Default::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource()),
            scope_spans,
            ..Default::default()
        }],
    }
}

async fn client(sink: &OtlpSink) -> TraceServiceClient<Channel> {
    TraceServiceClient::connect(sink.endpoint()).await.unwrap()
}

#[tokio::test]
async fn spans_are_found_by_their_trace_in_the_order_of_time() {
    let sink = OtlpSink::start().await;
    let sent = request(vec![span(1, 1, 20), span(2, 2, 0), span(1, 3, 10)]);
    client(&sink).await.export(sent).await.unwrap();

    let trace = sink.trace(&"01".repeat(16));
    let names: Vec<&str> = trace.iter().map(ReceivedSpan::name).collect();
    assert_eq!(names, ["span 3", "span 1"]);
    assert_eq!(trace[0].service, "gateway");
    assert_eq!(trace[0].attribute("waybill.job.attempt").as_deref(), Some("2"));
    assert!(trace[0].is_error() && trace[0].parent_id().is_empty());
    assert_eq!(sink.spans().len(), 3);
    sink.clear();
    assert!(sink.spans().is_empty());
}

#[tokio::test]
async fn log_lines_are_found_by_their_trace() {
    let sink = OtlpSink::start().await;
    let line = |trace: u8, text: &str| LogRecord {
        trace_id: vec![trace; 16],
        body: Some(AnyValue { value: Some(Value::StringValue(text.into())) }),
        ..Default::default()
    };
    let scope_logs =
        vec![ScopeLogs { log_records: vec![line(1, "one"), line(2, "two")], ..Default::default() }];
    let sent = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource()),
            scope_logs,
            ..Default::default()
        }],
    };
    let mut client = LogsServiceClient::connect(sink.endpoint()).await.unwrap();
    client.export(sent).await.unwrap();

    let found = sink.logs_of(&"02".repeat(16));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].body().as_str(), found[0].service.as_str()), ("two", "gateway"));
    assert_eq!(sink.logs().len(), 2);
}

#[tokio::test]
async fn a_refusing_sink_responds_immediately_and_keeps_nothing() {
    let sink = OtlpSink::start().await;
    sink.set_mode(SinkMode::Refusing);
    let refused = client(&sink).await.export(request(vec![span(1, 1, 0)])).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unavailable);
    assert_eq!((sink.spans().len(), sink.requests()), (0, 1));
}

#[tokio::test]
async fn a_hanging_sink_takes_the_request_and_never_answers() {
    let sink = OtlpSink::start().await;
    sink.set_mode(SinkMode::Hanging);
    let mut client = client(&sink).await;
    let waited = timeout(Duration::from_millis(200), client.export(request(vec![span(1, 1, 0)])));
    assert!(waited.await.is_err(), "an answer came");
    assert_eq!((sink.spans().len(), sink.requests()), (0, 1));

    sink.set_mode(SinkMode::Normal);
    client.export(request(vec![span(1, 1, 0)])).await.unwrap();
    assert_eq!(sink.spans().len(), 1);
}
