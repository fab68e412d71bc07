//! OTLP's JSON form: read into protobuf, so that the store knows one form only, and the answer to it.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::export::{Export, ExportReply};
use crate::store::Signal;

/// The export in a JSON body.
pub(super) fn read(signal: Signal, body: &[u8]) -> Result<Export, serde_json::Error> {
    match signal {
        Signal::Traces => convert::<ExportTraceServiceRequest>(body),
        Signal::Logs => convert::<ExportLogsServiceRequest>(body),
        Signal::Metrics => convert::<ExportMetricsServiceRequest>(body),
    }
}

/// The reply as JSON; 64-bit numbers are strings there.
pub(super) fn reply(signal: Signal, reply: &ExportReply) -> Value {
    let Some(partial) = &reply.partial_success else { return json!({}) };
    let rejected = match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Logs => "rejectedLogRecords",
        Signal::Metrics => "rejectedDataPoints",
    };
    json!({"partialSuccess": {
        rejected: partial.rejected.to_string(),
        "errorMessage": partial.error_message,
    }})
}

fn convert<T: DeserializeOwned + Message>(body: &[u8]) -> Result<Export, serde_json::Error> {
    let request: T = serde_json::from_slice(body)?;
    Ok(Export::decode(&*request.encode_to_vec()).expect("the envelopes are the same on the wire"))
}
