//! OTLP over HTTP, as protobuf or JSON. The answer is in the format of the question.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use prost::Message;
use serde_json::{Value, json};

use super::body::Unreadable;
use super::coding::Coding;
use super::rpc_status::RpcStatus;
use super::{Format, RETRY_AFTER_SECONDS, Receiver, Refusal};
use crate::export::ExportReply;
use crate::store::Signal;

/// What an export may be; no HTML form can send either.
pub(crate) const MEDIA_TYPES: &[&str] = &[PROTOBUF, JSON];

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The three export paths.
pub(crate) fn router(receiver: Receiver) -> Router {
    let export = |signal| {
        post(move |State(receiver): State<Receiver>, request: Request| async move {
            let format = Format::of(request.headers());
            match export(&receiver, signal, format, request).await {
                Ok(reply) => format.reply(signal, &reply),
                Err(refusal) => {
                    receiver.refused(&refusal);
                    format.refusal(&refusal)
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
    receiver: &Receiver,
    signal: Signal,
    format: Format,
    request: Request,
) -> Result<ExportReply, Refusal> {
    let coding = coding(request.headers());
    // An answer before the body is read is one that most senders do not get to read.
    let body = receiver.collect(request.into_body()).await?;
    let coding = coding.ok_or(Unreadable::Coding)?;
    receiver.take(signal, format, coding, body).await
}

/// The one coding; `None` for one that is not known, and for several.
fn coding(headers: &HeaderMap) -> Option<Coding> {
    let mut named = headers.get_all(CONTENT_ENCODING).iter();
    let first = named.next().map_or(Some(Coding::Identity), |name| Coding::named(name.as_bytes()));
    first.filter(|_| named.next().is_none())
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            _ if self.is_put_off() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreadable(Unreadable::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable(Unreadable::Coding) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unreadable(Unreadable::Slow) => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl Format {
    /// The guard has let in no third one.
    fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(CONTENT_TYPE).and_then(|sent| sent.to_str().ok());
        let is_json = sent.is_some_and(|sent| {
            sent.get(..JSON.len()).is_some_and(|start| start.eq_ignore_ascii_case(JSON))
        });
        if is_json { Self::Json } else { Self::Protobuf }
    }

    fn reply(self, signal: Signal, reply: &ExportReply) -> Response {
        match self {
            Self::Protobuf => self.body(reply.encode_to_vec()),
            Self::Json => self.body(reply_as_json(signal, reply).to_string()),
        }
    }

    fn refusal(self, refusal: &Refusal) -> Response {
        let status = refusal.status();
        let body = match self {
            Self::Protobuf => self.body(RpcStatus::of(refusal).encode_to_vec()),
            Self::Json => self.body(RpcStatus::of(refusal).to_json().to_string()),
        };
        let mut answer = (status, body).into_response();
        if refusal.is_put_off() {
            answer.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        answer
    }

    fn body(self, body: impl Into<axum::body::Body>) -> Response {
        let media = match self {
            Self::Protobuf => PROTOBUF,
            Self::Json => JSON,
        };
        ([(CONTENT_TYPE, media)], body.into()).into_response()
    }
}

/// The reply as JSON; 64-bit numbers are strings there.
fn reply_as_json(signal: Signal, reply: &ExportReply) -> Value {
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
