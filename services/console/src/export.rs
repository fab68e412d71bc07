//! The answer to an OTLP export. All three signals share it field for field.

/// Nothing set means that everything was taken.
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
