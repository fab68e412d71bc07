//! The response to an OTLP export; all three signals have the same fields.

/// Without `partial_success` the whole export was accepted.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) partial_success: Option<PartialSuccess>,
}

/// The rejected part of an export.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PartialSuccess {
    /// Spans, log records or data points.
    #[prost(int64, tag = "1")]
    pub(super) rejected: i64,
    /// The reason of the first rejection, for the exporter's log.
    #[prost(string, tag = "2")]
    pub(super) error_message: String,
}
