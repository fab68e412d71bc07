//! OTLP over gRPC. The generated services would build every message before anything is checked; here the one message of
//! a call is read as bytes, and goes the same way as a body over HTTP.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::post;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use prost::Message;
use tonic::{Code, Status};

use super::body::{Held, Unreadable};
use super::coding::Coding;
use super::rpc_status::RpcStatus;
use super::{Format, Receiver, Refusal};
use crate::export::ExportReply;
use crate::store::Signal;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Whether it is packed, and its length, before a message.
const PREFIX_BYTES: usize = 5;

/// The three export services, paths as the protocol names them.
pub(crate) fn router(receiver: Receiver) -> Router {
    let export = |signal| {
        post(move |State(receiver): State<Receiver>, request: Request| async move {
            match export(&receiver, signal, request).await {
                Ok(reply) => answer(&reply),
                Err(refusal) => {
                    receiver.refused(&refusal);
                    refuse(&refusal)
                }
            }
        })
    };
    Router::new()
        .route(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            export(Signal::Traces),
        )
        .route("/opentelemetry.proto.collector.logs.v1.LogsService/Export", export(Signal::Logs))
        .route(
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            export(Signal::Metrics),
        )
        .fallback(|| async { Status::unimplemented("no such OTLP service").into_http::<Body>() })
        .with_state(receiver)
}

async fn export(
    receiver: &Receiver,
    signal: Signal,
    request: Request,
) -> Result<ExportReply, Refusal> {
    let coding = coding(request.headers());
    let mut body = receiver.collect(request.into_body()).await?;
    let coding =
        if message(&mut body)? { coding.ok_or(Unreadable::Coding)? } else { Coding::Identity };
    receiver.take(signal, Format::Protobuf, coding, body).await
}

fn coding(headers: &HeaderMap) -> Option<Coding> {
    headers.get(ENCODING).map_or(Some(Coding::Identity), |name| Coding::named(name.as_bytes()))
}

/// Takes the frame off the one message of the call; says whether it is packed.
fn message(body: &mut Held) -> Result<bool, Unreadable> {
    if body.bytes.len() < PREFIX_BYTES {
        return Err(Unreadable::Frame);
    }
    let (is_packed, length) = (body.bytes.get_u8(), body.bytes.get_u32());
    let is_whole = usize::try_from(length) == Ok(body.bytes.len());
    match is_packed {
        0 | 1 if is_whole => Ok(is_packed == 1),
        _ => Err(Unreadable::Frame),
    }
}

fn answer(reply: &ExportReply) -> Response {
    let length = reply.encoded_len();
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + length);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).unwrap_or_default());
    frame.put_slice(&reply.encode_to_vec());
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    let body =
        Full::<Bytes>::new(frame.freeze()).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut answer = Response::new(Body::new(body));
    answer.headers_mut().insert(CONTENT_TYPE, GRPC);
    answer
}

fn refuse(refusal: &Refusal) -> Response {
    let status = if refusal.is_put_off() {
        let details = RpcStatus::of(refusal).encode_to_vec().into();
        Status::with_details(refusal.code(), refusal.to_string(), details)
    } else {
        Status::new(refusal.code(), refusal.to_string())
    };
    let mut answer = status.into_http::<Body>();
    if refusal.code() == Code::Unimplemented {
        let accepted = HeaderValue::from_static(Coding::NAMES);
        answer.headers_mut().insert(ACCEPT_ENCODING, accepted);
    }
    answer
}

impl Refusal {
    /// The code of gRPC. What OTLP's senders repeat: `Unavailable`, `DeadlineExceeded`; not `ResourceExhausted` without
    /// a `RetryInfo`, and never what would be refused again.
    pub(super) fn code(&self) -> Code {
        match self {
            _ if self.is_put_off() => Code::Unavailable,
            Self::Unreadable(Unreadable::TooLarge) => Code::ResourceExhausted,
            Self::Unreadable(Unreadable::Coding) => Code::Unimplemented,
            Self::Unreadable(Unreadable::Slow) => Code::DeadlineExceeded,
            _ => Code::InvalidArgument,
        }
    }
}
