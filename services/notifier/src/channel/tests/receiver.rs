//! Receivers of webhooks: a real HTTP server that says what it was received, and some rude ones.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};

/// The longest a test waits for a request or for what comes of it.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// An HTTP server on a free port that answers all requests alike. Ends when it is dropped.
pub(super) struct Receiver {
    address: SocketAddr,
    received: mpsc::Receiver<(HeaderMap, String)>,
    _server: JoinSet<()>,
}

impl Receiver {
    pub(super) async fn answering(status: u16, headers: &[(&str, &str)]) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        let answer: HeaderMap = headers
            .iter()
            .map(|(name, value)| -> (HeaderName, HeaderValue) {
                (name.parse().unwrap(), value.parse().unwrap())
            })
            .collect();
        let (sender, received) = mpsc::channel(16);
        let take = async move |headers: HeaderMap, body: String| {
            sender.send((headers, body)).await.unwrap();
            (status, answer)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        let routes = Router::new().fallback(take);
        server.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, received, _server: server }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn authority(&self) -> String {
        self.address.to_string()
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Headers and body of the next request.
    pub(super) async fn next(&mut self) -> (HeaderMap, String) {
        timeout(LIMIT, self.received.recv()).await.unwrap().unwrap()
    }

    pub(super) fn is_untouched(&mut self) -> bool {
        self.received.try_recv().is_err()
    }
}

/// A server below HTTP. Ends when it is dropped.
pub(super) struct Raw {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

/// How a [`Raw`] server answers a request.
#[derive(Clone, Copy)]
pub(super) enum Manners {
    /// Says nothing.
    Silent,
    /// Closes the connection.
    HangsUp,
    /// Answers 200 and a body without an end.
    Endless,
    /// Answers one byte at a time, and never gets to the end of its headers.
    DripsHeaders,
    /// Answers 200 immediately and its body one byte at a time.
    DripsBody,
    /// Answers 200 and headers without an end.
    EndlessHeaders,
    /// Resets the connection.
    Resets,
    /// Answers 200 and a few words, as often as it is asked on one connection.
    KeepsAlive,
}

impl Raw {
    pub(super) async fn with(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        server.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                while stream.read(&mut [0; 4_096]).await.is_ok_and(|bytes| bytes > 0) {
                    answer(&mut stream, manners).await;
                    if !matches!(manners, Manners::KeepsAlive) {
                        break;
                    }
                }
            }
        });
        Self { address, connections, _server: server }
    }

    /// How often it was connected to.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn authority(&self) -> String {
        self.address.to_string()
    }
}

/// Host and port without a listener.
pub(super) async fn free_authority() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

async fn answer(stream: &mut TcpStream, manners: Manners) {
    match manners {
        Manners::HangsUp => {}
        Manners::Silent => std::future::pending().await,
        Manners::Resets => stream.set_zero_linger().unwrap(),
        Manners::KeepsAlive => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nthanks").await;
        }
        Manners::DripsHeaders => drip(stream, b"HTTP/1.1 200 OK\r\nx-slow: ").await,
        Manners::DripsBody => {
            drip(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n").await;
        }
        Manners::EndlessHeaders => {
            let mut next: &[u8] = b"HTTP/1.1 200 OK\r\n";
            while stream.write_all(next).await.is_ok() {
                next = b"x-more: and more and more and more\r\n";
            }
        }
        Manners::Endless => {
            let mut next: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
            while stream.write_all(next).await.is_ok() {
                next = &[b'x'; 4_096];
            }
        }
    }
}

/// The beginning immediately, then a byte every now and then, until the client disconnects.
async fn drip(stream: &mut TcpStream, beginning: &[u8]) {
    let mut next = beginning;
    while stream.write_all(next).await.is_ok() {
        next = b"x";
        sleep(Duration::from_millis(20)).await;
    }
}
