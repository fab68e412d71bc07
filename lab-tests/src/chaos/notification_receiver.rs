//! A webhook receiver that records notifications in the ledger and can fail on request.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use contract::JobId;
use serde_json::Value;
use testkit::PortBlock;
use tokio::{net::TcpListener, task::JoinSet};

use super::ledger::Ledger;

/// Receives all notifications. Its port stays reserved while it does not listen.
#[derive(Debug)]
pub struct NotificationReceiver {
    address: SocketAddr,
    handler: Handler,
    server: JoinSet<()>,
    _port: PortBlock,
}

#[derive(Debug, Clone)]
struct Handler {
    ledger: Ledger,
    fails: Arc<AtomicBool>,
}

impl NotificationReceiver {
    /// Starts to listen.
    pub async fn start(ledger: Ledger) -> Self {
        let port = PortBlock::claim();
        let address = SocketAddr::from(([127, 0, 0, 1], port.base()));
        let handler = Handler { ledger, fails: Arc::default() };
        let mut receiver = Self { address, handler, server: JoinSet::new(), _port: port };
        receiver.open().await;
        receiver
    }

    /// `127.0.0.1:port`, as in an allow-list.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// The URL for notifications.
    pub fn url(&self) -> String {
        format!("http://{}/notifications", self.address)
    }

    /// Sets whether it responds with 500 to every notification.
    pub fn fail(&self, fails: bool) {
        self.handler.fails.store(fails, Relaxed);
    }

    /// Stops listening: connections are closed, new ones refused.
    pub async fn close(&mut self) {
        self.server.shutdown().await;
    }

    /// Listens again.
    pub async fn open(&mut self) {
        let listener = TcpListener::bind(self.address).await;
        let listener = listener.expect("the port stays reserved");
        let routes = Router::new().fallback(receive).with_state(self.handler.clone());
        self.server.spawn(async move {
            let served = axum::serve(listener, routes).await;
            served.expect("the server runs until it is stopped");
        });
    }
}

async fn receive(State(handler): State<Handler>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if handler.fails.load(Relaxed) {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    match read(&headers, &body) {
        Some((job, id, run)) => {
            handler.ledger.notified(job, &id, &run);
            StatusCode::NO_CONTENT
        }
        None => StatusCode::BAD_REQUEST,
    }
}

/// The job, the `webhook-id` and the run of a notification.
fn read(headers: &HeaderMap, body: &[u8]) -> Option<(JobId, String, String)> {
    let notification: Value = serde_json::from_slice(body).ok()?;
    let job = notification["data"]["id"].as_str()?.parse().ok()?;
    let id = headers.get("webhook-id")?.to_str().ok()?;
    Some((job, id.to_owned(), notification["data"]["run"].to_string()))
}
