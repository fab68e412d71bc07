//! Accepts connections, a bounded number of them, and closes them all when told to stop.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Open connections of one listener; the next one waits until one closes.
const CONNECTIONS_MAX: usize = 256;

/// Requests at a time on one gRPC connection.
const STREAMS_MAX: u32 = 64;

/// How long a client may take to send its request's head, the pause since its last request included: longer
/// than exporters pause between exports, or they would run into the close.
const HEAD_LIMIT: Duration = Duration::from_mins(2);

/// How often a quiet gRPC connection is asked whether somebody is still there.
const PING_EVERY: Duration = Duration::from_secs(30);

/// How long a request may take in all, its body's arrival included.
const REQUEST_LIMIT: Duration = Duration::from_secs(15);

/// How long requests in hand may go on after the stop.
const STOP_GRACE: Duration = Duration::from_millis(400);

/// Pause after a failed accept: out of descriptors, the next one fails as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    /// HTTP/2 only, which no web page can speak to a plain port.
    Grpc,
}

/// Serves until `stop`; ends at most half a second after it.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    protocol: Protocol,
    stop: CancellationToken,
) {
    let router = router.layer(middleware::from_fn(limit_time));
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    while let Some(stream) = next(&listener, &slots, &stop).await {
        let (stream, slot) = stream;
        let served = connection(stream, router.clone(), protocol, stop.clone());
        connections.spawn(async move {
            served.await;
            drop(slot);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let _ = timeout(STOP_GRACE, async { while connections.join_next().await.is_some() {} }).await;
    connections.shutdown().await;
}

/// The next connection and its place; `None` after the stop.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let accept = async {
        let slot = Arc::clone(slots).acquire_owned().await.expect("never closed");
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return (stream, slot),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    stop.run_until_cancelled(accept).await
}

async fn connection(
    stream: TcpStream,
    router: Router,
    protocol: Protocol,
    stop: CancellationToken,
) {
    // Without it small answers wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .max_concurrent_streams(STREAMS_MAX);
    let builder = match protocol {
        Protocol::Http => builder.http1_only(),
        Protocol::Grpc => builder.http2_only(),
    };
    let service = TowerToHyperService::new(router);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        // Clients come and go; what they broke off is theirs to report.
        tracing::debug!(%error, "connection ended early");
    }
}

async fn limit_time(request: Request, next: Next) -> Result<Response, Infallible> {
    let answer = timeout(REQUEST_LIMIT, next.run(request)).await;
    Ok(answer.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response()))
}
