//! The HTTP server of every service: a bounded number of connections, limits on heads, time and unread responses, and
//! graceful shutdown.
//!
//! - `limits`: the limits, per kind of server
//! - `descriptors`: how many connections the system allows
//! - `connections`: slots, and which connections are closed when there are none left
//! - `activity`: the state of one connection
//! - `socket`, `exchange`: report that state
//! - `error_bodies`: bodies for error responses of the HTTP library

mod activity;
mod connections;
mod descriptors;
mod error_bodies;
mod exchange;
mod limits;
mod socket;

use std::{
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

pub use limits::{
    CONNECTION_WINDOW_BYTES, HEAD_BYTES_MAX, HEAD_TIME_MAX, HEADERS_MAX, IDLE_TIME_MAX, PING_EVERY,
    PROGRESS_BYTES_MIN, Protocol, STREAM_WINDOW_BYTES, STREAMS_MAX, ServerLimits, WRITE_TIME_MAX,
};

use self::{
    connections::{Closing, Connections, Slot},
    socket::Socket,
};
use crate::stop::Stop;

/// Delay after a failed accept: without free descriptors the next one fails too.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
/// Time for a connection that is closed between two requests to end.
const CLOSE_TIME_MAX: Duration = Duration::from_millis(500);

/// Serves until the soft stop, then drains. Requests that are left after the grace period, or at the hard stop, are
/// dropped. Returns when the last connection is closed.
pub async fn serve(listener: TcpListener, router: Router, limits: ServerLimits, stop: Stop) {
    let cut = stop.hard.child_token();
    let all = Connections::new(limits, cut.clone());
    let swept = all.clone();
    let _sweeping = AbortOnDropHandle::new(tokio::spawn(async move { swept.sweep().await }));
    let running = TaskTracker::new();
    let next = || next(&listener, &all);
    while let Some((stream, slot)) = stop.soft.run_until_cancelled(next()).await {
        running.spawn(connection(stream, slot, router.clone(), limits, stop.soft.clone()));
    }
    drop(listener);
    running.close();
    if let Some(grace) = limits.stop_grace
        && timeout(grace, running.wait()).await.is_err()
    {
        cut.cancel();
    }
    running.wait().await;
}

/// The next connection and its slot.
async fn next(listener: &TcpListener, all: &Arc<Connections>) -> (TcpStream, Slot) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, all.admit(peer.ip().to_canonical()).await),
            Err(error) => {
                // Most likely no file descriptors are left.
                all.make_room();
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    slot: Slot,
    router: Router,
    limits: ServerLimits,
    stop: CancellationToken,
) {
    let seen = slot.connection.clone();
    let service = service_fn(move |request| {
        exchange::exchange(router.clone(), seen.clone(), limits, request)
    });
    let socket = TokioIo::new(Socket::new(stream, slot.connection.clone(), limits));
    match limits.protocol {
        Protocol::Http => attend(http1().serve_connection(socket, service), &slot, stop).await,
        Protocol::Grpc => attend(http2().serve_connection(socket, service), &slot, stop).await,
    }
}

/// Drives a connection until it ends or has to be closed.
async fn attend(
    served: impl GracefulConnection<Error = hyper::Error>,
    slot: &Slot,
    stop: CancellationToken,
) {
    let mut served = pin!(served);
    tokio::select! {
        outcome = served.as_mut() => return report(outcome),
        closing = slot.connection.closing() => return end(served, closing).await,
        () = stop.cancelled() => served.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        outcome = served.as_mut() => report(outcome),
        closing = slot.connection.closing() => end(served, closing).await,
    }
}

fn report(outcome: hyper::Result<()>) {
    if let Err(error) = outcome {
        // A client that disconnects is not an error of the server.
        tracing::debug!(%error, "connection ended early");
    }
}

async fn end(mut served: Pin<&mut impl GracefulConnection>, closing: Closing) {
    if closing == Closing::Graceful {
        served.as_mut().graceful_shutdown();
        let _ = timeout(CLOSE_TIME_MAX, served).await;
    }
}

fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // The sweep closes overdue connections, with a response.
        .header_read_timeout(None)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
}

fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    builder
}
