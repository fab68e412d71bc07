//! A webhook receiver that records every request and responds as configured.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

/// Maximum number of recorded requests; later ones get a response and are not recorded.
const KEPT_MAX: usize = 100_000;

/// A response of the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookResponse {
    status: StatusCode,
    delay: Duration,
}

impl WebhookResponse {
    /// A response with this status, without delay. Panics if it is not an HTTP status.
    pub fn status(status: u16) -> Self {
        Self {
            status: StatusCode::from_u16(status).expect("an HTTP status"),
            delay: Duration::ZERO,
        }
    }

    /// Delays the response by this time.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

/// A recorded request.
#[derive(Debug, Clone)]
pub struct ReceivedWebhook {
    /// HTTP method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The complete body.
    pub body: Bytes,
    /// Time of its complete arrival.
    pub at: Instant,
}

impl ReceivedWebhook {
    /// A header as text; `None` if it is absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A webhook receiver on a free port. Responds 204 to every request unless configured otherwise. Stops when it is dropped.
#[derive(Debug)]
pub struct WebhookReceiver {
    address: SocketAddr,
    shared: Shared,
    _server: JoinSet<()>,
}

impl WebhookReceiver {
    /// Starts a receiver.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    /// Starts a receiver at a free address, such as that of an earlier one.
    pub async fn start_at(authority: &str) -> Self {
        let listener = TcpListener::bind(authority).await;
        let listener = listener.expect("the port is free");
        let address = listener.local_addr().expect("it was just bound");
        let shared = Shared::default();
        let routes = Router::new().fallback(take).with_state(shared.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            let served = axum::serve(listener, routes).await;
            served.expect("the receiver serves until it is dropped");
        });
        Self { address, shared, _server: task }
    }

    /// `http://127.0.0.1:port/path`, for a path that starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `127.0.0.1:port`, for an allow-list.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Sets the next responses, in this order, after those already set; then 204 again.
    pub fn respond_with(&self, responses: impl IntoIterator<Item = WebhookResponse>) {
        self.shared.lock().responses.extend(responses);
    }

    /// All recorded requests, in order of arrival.
    pub fn received(&self) -> Vec<ReceivedWebhook> {
        self.shared.lock().received.clone()
    }
}

#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    responses: VecDeque<WebhookResponse>,
    received: Vec<ReceivedWebhook>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().expect("no holder panics")
    }
}

async fn take(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let hook = ReceivedWebhook { method, path: uri.to_string(), headers, body, at: Instant::now() };
    let answer = {
        let mut recorded = shared.lock();
        if recorded.received.len() < KEPT_MAX {
            recorded.received.push(hook);
        }
        recorded.responses.pop_front().unwrap_or(WebhookResponse::status(204))
    };
    sleep(answer.delay).await;
    answer.status
}
