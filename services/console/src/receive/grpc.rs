//! OTLP over gRPC. The generated services would build every message; this takes the envelope only.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tonic::Status;
use tonic::codec::{CompressionEncoding, EnabledCompressionEncodings};
use tonic::server::Grpc;
use tonic_prost::ProstCodec;

use super::{EXPORT_BYTES_MAX, Receiver};
use crate::export::{Export, ExportReply};
use crate::store::{NotTaken, Signal};

/// The three export services, paths as the protocol names them.
pub(crate) fn router(receiver: Receiver) -> Router {
    let export = |signal| {
        post(move |State(receiver): State<Receiver>, request: Request| {
            export(receiver, signal, request)
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
        .route_layer(middleware::from_fn_with_state(receiver.clone(), wait_for_turn))
        .fallback(|| async { Status::unimplemented("no such OTLP service").into_http::<Body>() })
        .with_state(receiver)
}

async fn export(receiver: Receiver, signal: Signal, request: Request) -> Response {
    let take = tower::service_fn(move |request: tonic::Request<Export>| {
        let reply = receiver.take(signal, request.get_ref());
        let refuse = |error: NotTaken| {
            receiver.refused(&error);
            Status::invalid_argument(error.to_string())
        };
        std::future::ready(reply.map(tonic::Response::new).map_err(refuse))
    });
    let mut accepted = EnabledCompressionEncodings::default();
    accepted.enable(CompressionEncoding::Gzip);
    Grpc::new(ProstCodec::<ExportReply, Export>::default())
        .apply_compression_config(accepted, EnabledCompressionEncodings::default())
        .apply_max_message_size_config(Some(EXPORT_BYTES_MAX), None)
        .unary(take, request)
        .await
        .map(Body::new)
}

/// Waits before the body is read: what waits stays in the sender's flow-control window.
async fn wait_for_turn(State(receiver): State<Receiver>, request: Request, next: Next) -> Response {
    match receiver.turn().await {
        Some(_turn) => next.run(request).await,
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
