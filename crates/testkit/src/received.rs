//! Recorded spans and log lines, with accessors for tests.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value},
    logs::v1::LogRecord,
    resource::v1::Resource,
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};

/// A span and the service that sent it.
#[derive(Debug, Clone)]
pub struct ReceivedSpan {
    /// `service.name` of its resource; empty when there is none.
    pub service: String,
    /// The span itself.
    pub span: Span,
}

impl ReceivedSpan {
    /// The trace id, 32 hex digits.
    pub fn trace_id(&self) -> String {
        hex::encode(&self.span.trace_id)
    }

    /// The span id, 16 hex digits.
    pub fn span_id(&self) -> String {
        hex::encode(&self.span.span_id)
    }

    /// The parent's span id, 16 hex digits; empty for a root span.
    pub fn parent_id(&self) -> String {
        hex::encode(&self.span.parent_span_id)
    }

    /// The span name.
    pub fn name(&self) -> &str {
        &self.span.name
    }

    /// The span kind.
    pub fn kind(&self) -> SpanKind {
        self.span.kind()
    }

    /// An attribute as a string; lists and maps in their debug form.
    pub fn attribute(&self, key: &str) -> Option<String> {
        find(&self.span.attributes, key)
    }

    /// Whether the span's status is ERROR.
    pub fn is_error(&self) -> bool {
        let status = self.span.status.as_ref();
        status.is_some_and(|status| status.code() == StatusCode::Error)
    }

    /// Span ids of the span's links, 16 hex digits each.
    pub fn links(&self) -> Vec<String> {
        let links = self.span.links.iter();
        links.map(|link| hex::encode(&link.span_id)).collect()
    }

    /// Names of the span's events.
    pub fn events(&self) -> Vec<&str> {
        self.span.events.iter().map(|e| e.name.as_str()).collect()
    }
}

/// A log line and the service that sent it.
#[derive(Debug, Clone)]
pub struct ReceivedLog {
    /// `service.name` of its resource; empty when there is none.
    pub service: String,
    /// The line itself.
    pub record: LogRecord,
}

impl ReceivedLog {
    /// The trace id, 32 hex digits; empty outside a trace.
    pub fn trace_id(&self) -> String {
        hex::encode(&self.record.trace_id)
    }

    /// The span id, 16 hex digits; empty outside a span.
    pub fn span_id(&self) -> String {
        hex::encode(&self.record.span_id)
    }

    /// The message.
    pub fn body(&self) -> String {
        self.record.body.as_ref().map(text).unwrap_or_default()
    }

    /// An attribute as a string; lists and maps in their debug form.
    pub fn attribute(&self, key: &str) -> Option<String> {
        find(&self.record.attributes, key)
    }
}

pub(crate) fn service_name(resource: Option<&Resource>) -> String {
    resource.and_then(|resource| find(&resource.attributes, "service.name")).unwrap_or_default()
}

fn find(attributes: &[KeyValue], key: &str) -> Option<String> {
    let known = attributes.iter().find(|known| known.key == key)?;
    known.value.as_ref().map(text)
}

fn text(value: &AnyValue) -> String {
    match &value.value {
        None => String::new(),
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(is)) => is.to_string(),
        Some(Value::IntValue(n)) => n.to_string(),
        Some(Value::DoubleValue(n)) => n.to_string(),
        Some(Value::BytesValue(bytes)) => hex::encode(bytes),
        Some(other) => format!("{other:?}"),
    }
}
