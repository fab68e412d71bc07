//! Serves connections, a bounded number of them with time limits, and ends them in order at the stop.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::stop::Stop;

/// Largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Requests at a time on one gRPC connection.
const STREAMS_MAX: u32 = 64;
/// How often a quiet gRPC connection is asked whether somebody is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Pause after a failed accept: when there are no descriptors left, the next one fails as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 only.
    Http,
    /// HTTP/2 only, which no web page can speak to a plain port.
    Grpc,
}

/// How much one listener takes, and how long it waits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// What is spoken.
    pub protocol: Protocol,
    /// Open connections; the next one waits until one closes.
    pub connections: usize,
    /// How long a client may take to send a request's head, the pause since its last request included.
    pub head_time: Duration,
    /// How long a request may take in all, its body's arrival included; the answer is then a 408.
    /// `None` where the handlers see to it.
    pub request_time: Option<Duration>,
    /// How long requests under way may go on after the soft stop. `None` leaves them until the hard one.
    pub stop_grace: Option<Duration>,
}

/// Serves until the soft stop, then lets requests under way end. What is left after the grace, or at
/// the hard stop, is dropped. Returns when the last connection is gone.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: Stop) {
    let router = match limits.request_time {
        Some(limit) => {
            router.layer(middleware::from_fn(move |request, next| limit_time(limit, request, next)))
        }
        None => router,
    };
    let slots = Arc::new(Semaphore::new(limits.connections));
    let (connections, cut) = (TaskTracker::new(), stop.hard.child_token());
    while let Some((stream, slot)) = next(&listener, &slots, &stop.soft).await {
        let served = connection(stream, router.clone(), limits, stop.soft.clone());
        let cut = cut.clone();
        connections.spawn(async move {
            cut.run_until_cancelled(served).await;
            drop(slot);
        });
    }
    drop(listener);
    connections.close();
    if let Some(grace) = limits.stop_grace
        && timeout(grace, connections.wait()).await.is_err()
    {
        cut.cancel();
    }
    connections.wait().await;
}

/// The next connection and its place; none after the stop.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let accept = async {
        let slot = slots.clone().acquire_owned().await.expect("it is never closed");
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

async fn connection(stream: TcpStream, router: Router, limits: Limits, stop: CancellationToken) {
    // Without it small answers wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let builder = builder(limits);
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

fn builder(limits: Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .max_concurrent_streams(STREAMS_MAX);
    match limits.protocol {
        Protocol::Http => builder.http1_only(),
        Protocol::Grpc => builder.http2_only(),
    }
}

async fn limit_time(limit: Duration, request: Request, next: Next) -> Result<Response, Infallible> {
    let answer = timeout(limit, next.run(request)).await;
    Ok(answer.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response()))
}
