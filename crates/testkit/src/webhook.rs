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

/// Requests remembered at most; later ones are answered and forgotten.
const KEPT_MAX: usize = 100_000;

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    status: StatusCode,
    delay: Duration,
}

impl Answer {
    /// Answers at once with this status. Panics on a number that is none.
    pub fn status(status: u16) -> Self {
        Self {
            status: StatusCode::from_u16(status).expect("an HTTP status"),
            delay: Duration::ZERO,
        }
    }

    /// Answers only after this time.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct ReceivedHook {
    /// Its method.
    pub method: Method,
    /// Its path, with the query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its whole body.
    pub body: Bytes,
    /// When it had come in full.
    pub at: Instant,
}

impl ReceivedHook {
    /// A header as text; `None` too when it is none.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// An HTTP server on a free port that takes every request. Answers 204 unless configured otherwise.
/// Ends when it is dropped.
#[derive(Debug)]
pub struct WebhookCatcher {
    address: SocketAddr,
    shared: Shared,
    _server: JoinSet<()>,
}

impl WebhookCatcher {
    /// Starts one.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    /// Starts one at a free address, such as that of an earlier one.
    pub async fn start_at(authority: &str) -> Self {
        let listener = TcpListener::bind(authority).await;
        let listener = listener.expect("the port is free");
        let address = listener.local_addr().expect("it was just bound");
        let shared = Shared::default();
        let routes = Router::new().fallback(take).with_state(shared.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            let served = axum::serve(listener, routes).await;
            served.expect("the catcher serves until it is dropped");
        });
        Self { address, shared, _server: task }
    }

    /// `http://127.0.0.1:port/path`, for a path that starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `127.0.0.1:port`, as it stands on an allow-list.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// The next answers, in this order, after those already waiting; then 204 again.
    pub fn answer_with(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.lock().answers.extend(answers);
    }

    /// Every request so far, in the order they came.
    pub fn received(&self) -> Vec<ReceivedHook> {
        self.shared.lock().received.clone()
    }
}

#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<Caught>>);

#[derive(Debug, Default)]
struct Caught {
    answers: VecDeque<Answer>,
    received: Vec<ReceivedHook>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Caught> {
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
    let hook = ReceivedHook { method, path: uri.to_string(), headers, body, at: Instant::now() };
    let answer = {
        let mut caught = shared.lock();
        if caught.received.len() < KEPT_MAX {
            caught.received.push(hook);
        }
        caught.answers.pop_front().unwrap_or(Answer::status(204))
    };
    sleep(answer.delay).await;
    answer.status
}
