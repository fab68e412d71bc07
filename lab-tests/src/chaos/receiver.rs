//! The owner of the jobs: takes notices, writes them into the ledger, and can be made to fail.

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

/// The receiver of all notices, on a port that stays its own while nobody listens there.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    desk: Desk,
    server: JoinSet<()>,
    _port: PortBlock,
}

#[derive(Debug, Clone)]
struct Desk {
    ledger: Ledger,
    fails: Arc<AtomicBool>,
}

impl Receiver {
    /// Starts to listen.
    pub async fn start(ledger: Ledger) -> Self {
        let port = PortBlock::claim();
        let address = SocketAddr::from(([127, 0, 0, 1], port.base()));
        let desk = Desk { ledger, fails: Arc::default() };
        let mut receiver = Self { address, desk, server: JoinSet::new(), _port: port };
        receiver.open().await;
        receiver
    }

    /// `127.0.0.1:port`, as it stands on an allow-list.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Where notices go.
    pub fn url(&self) -> String {
        format!("http://{}/notices", self.address)
    }

    /// Answers 500 to every notice, or no longer.
    pub fn fail(&self, fails: bool) {
        self.desk.fails.store(fails, Relaxed);
    }

    /// Stops to listen: connections are closed, new ones refused.
    pub async fn close(&mut self) {
        self.server.shutdown().await;
    }

    /// Listens again.
    pub async fn open(&mut self) {
        let listener = TcpListener::bind(self.address).await;
        let listener = listener.expect("the port stays the owner's");
        let routes = Router::new().fallback(take).with_state(self.desk.clone());
        self.server.spawn(async move {
            let served = axum::serve(listener, routes).await;
            served.expect("it serves until it is stopped");
        });
    }
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if desk.fails.load(Relaxed) {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    match read(&headers, &body) {
        Some((job, id, run)) => {
            desk.ledger.told(job, &id, &run);
            StatusCode::NO_CONTENT
        }
        None => StatusCode::BAD_REQUEST,
    }
}

/// The job, the `webhook-id` and the run that a notice tells of.
fn read(headers: &HeaderMap, body: &[u8]) -> Option<(JobId, String, String)> {
    let notice: Value = serde_json::from_slice(body).ok()?;
    let job = notice["data"]["id"].as_str()?.parse().ok()?;
    let id = headers.get("webhook-id")?.to_str().ok()?;
    Some((job, id.to_owned(), notice["data"]["run"].to_string()))
}
