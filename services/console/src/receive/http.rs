//! OTLP over HTTP, as protobuf or JSON. The response has the format of the request.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use prost::Message;
use serde_json::{Value, json};

use super::coding::Coding;
use super::error::{ExportError, ReadBodyError};
use super::export_response::ExportResponse;
use super::limits::RETRY_AFTER_SECONDS;
use super::receiver::{ExportFormat, OtlpReceiver};
use super::rpc_status::RpcStatus;
use crate::store::Signal;

/// Media types of an export; HTML forms can send neither.
pub(crate) const MEDIA_TYPES: &[&str] = &[PROTOBUF, JSON];

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The three export paths.
pub(crate) fn router(receiver: OtlpReceiver) -> Router {
    let export = |signal| {
        post(move |State(receiver): State<OtlpReceiver>, request: Request| async move {
            let format = ExportFormat::of(request.headers());
            match export(&receiver, signal, format, request).await {
                Ok(response) => format.response(signal, &response),
                Err(error) => {
                    receiver.count_rejected(&error);
                    format.error_response(&error)
                }
            }
        })
    };
    Router::new()
        .route("/v1/traces", export(Signal::Traces))
        .route("/v1/logs", export(Signal::Logs))
        .route("/v1/metrics", export(Signal::Metrics))
        .with_state(receiver)
}

async fn export(
    receiver: &OtlpReceiver,
    signal: Signal,
    format: ExportFormat,
    request: Request,
) -> Result<ExportResponse, ExportError> {
    let coding = coding(request.headers());
    // Most senders do not read a response that is sent before they have sent the body.
    let body = receiver.collect(request.into_body()).await?;
    let coding = coding.ok_or(ReadBodyError::UnknownCoding)?;
    receiver.take(signal, format, coding, body).await
}

/// The coding; `None` for an unknown one, and for several.
fn coding(headers: &HeaderMap) -> Option<Coding> {
    let mut named = headers.get_all(CONTENT_ENCODING).iter();
    let first = named.next().map_or(Some(Coding::Identity), |name| Coding::named(name.as_bytes()));
    first.filter(|_| named.next().is_none())
}

impl ExportFormat {
    /// The guard accepts no other media types.
    fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(CONTENT_TYPE).and_then(|sent| sent.to_str().ok());
        let is_json = sent.is_some_and(|sent| {
            sent.get(..JSON.len()).is_some_and(|start| start.eq_ignore_ascii_case(JSON))
        });
        if is_json { Self::Json } else { Self::Protobuf }
    }

    fn response(self, signal: Signal, response: &ExportResponse) -> Response {
        match self {
            Self::Protobuf => self.body(response.encode_to_vec()),
            Self::Json => self.body(response_as_json(signal, response).to_string()),
        }
    }

    fn error_response(self, error: &ExportError) -> Response {
        let status = error.status();
        let body = match self {
            Self::Protobuf => self.body(RpcStatus::of(error).encode_to_vec()),
            Self::Json => self.body(RpcStatus::of(error).to_json().to_string()),
        };
        let mut response = (status, body).into_response();
        if error.is_retryable() {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        response
    }

    fn body(self, body: impl Into<axum::body::Body>) -> Response {
        let media = match self {
            Self::Protobuf => PROTOBUF,
            Self::Json => JSON,
        };
        ([(CONTENT_TYPE, media)], body.into()).into_response()
    }
}

/// The response as JSON, in which 64-bit numbers are strings.
fn response_as_json(signal: Signal, response: &ExportResponse) -> Value {
    let Some(partial) = &response.partial_success else { return json!({}) };
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
