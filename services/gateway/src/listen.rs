//! Accepts connections, a bounded number of them, and ends them in order when the gateway stops.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use service::stop::Stop;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::task::TaskTracker;

/// Open connections; the next one waits until one closes.
const CONNECTIONS_MAX: usize = 1_024;
/// How long a client may take to send a request's head, and how long an idle connection stays open.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// Largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Pause after a failed accept: when there are no descriptors left, the next one fails as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until the soft stop, then lets requests under way end; the hard stop drops them.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: Stop) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = TaskTracker::new();
    while let Some((stream, slot)) = next(&listener, &slots, &stop).await {
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, router, stop).await;
            drop(slot);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// The next connection and its place; none after the stop.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    stop: &Stop,
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
    stop.soft.run_until_cancelled(accept).await
}

async fn connection(stream: TcpStream, router: Router, stop: Stop) {
    // Without it small answers wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    let builder = builder.http1_only();
    let service = TowerToHyperService::new(router);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.soft.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                outcome = connection => outcome,
                () = stop.hard.cancelled() => return,
            }
        }
    };
    if let Err(error) = outcome {
        // Clients come and go; what they broke off is theirs to report.
        tracing::debug!(%error, "connection ended early");
    }
}
