//! The envelope of an OTLP export. Traces, logs and metrics share it field for field, so one type takes all
//! three; what it carries stays in the bytes it came in.

use bytes::Bytes;

/// An export request of any signal.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Export {
    /// One entry for each sender.
    #[prost(message, repeated, tag = "1")]
    pub(crate) resources: Vec<ResourceItems>,
}

/// What one resource sent.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ResourceItems {
    /// An encoded `Resource`; may be empty.
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) resource: Bytes,
    /// One entry for each instrumentation scope.
    #[prost(message, repeated, tag = "2")]
    pub(crate) scopes: Vec<ScopeItems>,
    /// Of the resource.
    #[prost(string, tag = "3")]
    pub(crate) schema_url: String,
}

/// What one instrumentation scope sent.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ScopeItems {
    /// An encoded `InstrumentationScope`; may be empty.
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) scope: Bytes,
    /// Encoded spans, log records or metrics.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(crate) items: Vec<Bytes>,
    /// Of the items.
    #[prost(string, tag = "3")]
    pub(crate) schema_url: String,
}

/// The answer to an export: nothing set means that everything was taken.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ExportReply {
    /// Set when some items were refused.
    #[prost(message, optional, tag = "1")]
    pub(crate) partial_success: Option<PartialSuccess>,
}

/// Which part of an export was refused, and why.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PartialSuccess {
    /// Spans, log records or data points.
    #[prost(int64, tag = "1")]
    pub(crate) rejected: i64,
    /// The reason of the first refusal, for the exporter's log.
    #[prost(string, tag = "2")]
    pub(crate) error_message: String,
}
