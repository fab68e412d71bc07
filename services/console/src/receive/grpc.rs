//! OTLP over gRPC. The generated services would decode every message before it is checked; here the single message of a
//! call is read as bytes and handled as a body over HTTP is.

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

use super::body::ReceivedBody;
use super::coding::Coding;
use super::error::{ExportError, ReadBodyError};
use super::export_response::ExportResponse;
use super::receiver::{ExportFormat, OtlpReceiver};
use super::rpc_status::RpcStatus;
use crate::store::Signal;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The prefix of a message: a flag for compression, and its length.
const PREFIX_BYTES: usize = 5;

/// The three export services.
pub(crate) fn router(receiver: OtlpReceiver) -> Router {
    let export = |signal| {
        post(move |State(receiver): State<OtlpReceiver>, request: Request| async move {
            match export(&receiver, signal, request).await {
                Ok(response) => respond(&response),
                Err(error) => {
                    receiver.count_rejected(&error);
                    respond_error(&error)
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
    receiver: &OtlpReceiver,
    signal: Signal,
    request: Request,
) -> Result<ExportResponse, ExportError> {
    let coding = coding(request.headers());
    let mut body = receiver.collect(request.into_body()).await?;
    let coding = if strip_prefix(&mut body)? {
        coding.ok_or(ReadBodyError::UnknownCoding)?
    } else {
        Coding::Identity
    };
    receiver.take(signal, ExportFormat::Protobuf, coding, body).await
}

fn coding(headers: &HeaderMap) -> Option<Coding> {
    headers.get(ENCODING).map_or(Some(Coding::Identity), |name| Coding::named(name.as_bytes()))
}

/// Removes the prefix of the single message of the call; returns whether the message is compressed.
fn strip_prefix(body: &mut ReceivedBody) -> Result<bool, ReadBodyError> {
    if body.bytes.len() < PREFIX_BYTES {
        return Err(ReadBodyError::InvalidFrame);
    }
    let (is_compressed, length) = (body.bytes.get_u8(), body.bytes.get_u32());
    let is_whole = usize::try_from(length) == Ok(body.bytes.len());
    match is_compressed {
        0 | 1 if is_whole => Ok(is_compressed == 1),
        _ => Err(ReadBodyError::InvalidFrame),
    }
}

fn respond(response: &ExportResponse) -> Response {
    let length = response.encoded_len();
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + length);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).unwrap_or_default());
    frame.put_slice(&response.encode_to_vec());
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    let body =
        Full::<Bytes>::new(frame.freeze()).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut http = Response::new(Body::new(body));
    http.headers_mut().insert(CONTENT_TYPE, GRPC);
    http
}

fn respond_error(error: &ExportError) -> Response {
    let status = if error.is_retryable() {
        let details = RpcStatus::of(error).encode_to_vec().into();
        Status::with_details(error.code(), error.to_string(), details)
    } else {
        Status::new(error.code(), error.to_string())
    };
    let mut http = status.into_http::<Body>();
    if error.code() == Code::Unimplemented {
        let accepted = HeaderValue::from_static(Coding::NAMES);
        http.headers_mut().insert(ACCEPT_ENCODING, accepted);
    }
    http
}
