//! Builds telemetry of the services.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

/// Start of all traces in the tests, nanoseconds since 1970.
pub(crate) const START: u64 = 1_760_000_000_000_000_000;

/// The 32 digits of a trace id.
pub(crate) fn trace_hex(trace: u128) -> String {
    format!("{trace:032x}")
}

/// An attribute.
pub(crate) fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

/// A string attribute.
pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

/// A resource of this service.
pub(crate) fn resource(service: &str) -> Resource {
    Resource { attributes: vec![text("service.name", service)], ..Default::default() }
}

/// A span of ten milliseconds; parent 0 means none.
pub(crate) fn span(trace: u128, id: u64, parent: u64, name: &str) -> Span {
    Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().to_vec() },
        name: name.into(),
        kind: 5,
        start_time_unix_nano: START + id * 1_000_000,
        end_time_unix_nano: START + id * 1_000_000 + 10_000_000,
        ..Default::default()
    }
}

/// The same span, failed.
pub(crate) fn failed(span: Span, message: &str) -> Span {
    Span { status: Some(Status { message: message.into(), code: 2 }), ..span }
}

/// The same span with attributes.
pub(crate) fn with(mut span: Span, attributes: impl IntoIterator<Item = KeyValue>) -> Span {
    span.attributes.extend(attributes);
    span
}

/// An export of one service.
pub(crate) fn export(service: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope { name: "bus".into(), ..Default::default() };
    let scope_spans = ScopeSpans { scope: Some(scope), spans, schema_url: String::new() };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource(service)),
            scope_spans: vec![scope_spans],
            schema_url: String::new(),
        }],
    }
}

/// A log record, `at` milliseconds after `START`; trace 0 means none.
pub(crate) fn line(trace: u128, at: u64, severity: i32, body: &str) -> LogRecord {
    LogRecord {
        time_unix_nano: START + at * 1_000_000,
        severity_number: severity,
        body: Some(AnyValue { value: Some(Value::StringValue(body.into())) }),
        trace_id: if trace == 0 { Vec::new() } else { trace.to_be_bytes().to_vec() },
        span_id: if trace == 0 { Vec::new() } else { 1_u64.to_be_bytes().to_vec() },
        ..Default::default()
    }
}

/// An export of one service's log lines.
pub(crate) fn export_logs(service: &str, log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = ScopeLogs { scope: None, log_records, schema_url: String::new() };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource(service)),
            scope_logs: vec![scope_logs],
            schema_url: String::new(),
        }],
    }
}
