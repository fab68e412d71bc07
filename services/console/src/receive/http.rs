//! OTLP over HTTP, as protobuf or JSON. The answer is in the format of the question.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use prost::Message;
use serde_json::json;

use super::body::{self, Unreadable};
use super::{Receiver, json as otlp_json};
use crate::export::{Export, ExportReply};
use crate::store::{Malformed, NotTaken, Signal};

/// What an export may be; no HTML form can send either.
pub(crate) const MEDIA_TYPES: &[&str] = &[PROTOBUF, JSON];

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Seconds after which a sender that was put off may come back.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

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

/// Why an export was not taken.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("too many exports at a time; come back in a second")]
    Busy,
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("the body is not the OTLP message this path takes: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
}

/// How question and answer are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Protobuf,
    Json,
}

/// The error answer that OTLP asks for, `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

async fn export(
    receiver: &Receiver,
    signal: Signal,
    format: Format,
    request: Request,
) -> Result<ExportReply, Refusal> {
    let _turn = receiver.turn().await.ok_or(Refusal::Busy)?;
    let body = body::read(request).await?;
    let export = match format {
        Format::Protobuf => Export::decode(body).map_err(|_| NotTaken::from(Malformed))?,
        Format::Json => otlp_json::read(signal, &body)?,
    };
    Ok(receiver.take(signal, &export)?)
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreadable(Unreadable::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable(Unreadable::Encoding) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unreadable(_) | Self::NotJson(_) | Self::NotTaken(_) => StatusCode::BAD_REQUEST,
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
            Self::Json => self.body(otlp_json::reply(signal, reply).to_string()),
        }
    }

    fn refusal(self, refusal: &Refusal) -> Response {
        let status = refusal.status();
        // The codes of gRPC: UNAVAILABLE may be tried again, INVALID_ARGUMENT may not.
        let code = if status == StatusCode::SERVICE_UNAVAILABLE { 14 } else { 3 };
        let message = refusal.to_string();
        let body = match self {
            Self::Protobuf => self.body(RpcStatus { code, message }.encode_to_vec()),
            Self::Json => self.body(json!({"code": code, "message": message}).to_string()),
        };
        let mut answer = (status, body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
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
