//! Tests of the HTTP server: limits and shutdown.

mod exhausted;
mod grpc;
mod late;
mod stop;

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    routing::{get, post},
};
use futures_util::stream;
use runtime::{
    listen,
    serve::{ServerLimits, serve},
    stop::Stop,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::{sleep, timeout},
};

const LIMIT: Duration = Duration::from_secs(10);
/// How soon a client must be answered while others hold all the connections.
const SOON: Duration = Duration::from_secs(3);
const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const NEVER: &str = "GET /never HTTP/1.1\r\nhost: x\r\n\r\n";
const LARGE: &str = "GET /large HTTP/1.1\r\nhost: x\r\n\r\n";
const LARGE_BYTES: usize = 4 * 1024 * 1024;
const LIMITS: ServerLimits = ServerLimits { connections: 8, ..ServerLimits::API };

/// A server whose `/` responds immediately and whose `/never` does not.
async fn start(limits: ServerLimits) -> (SocketAddr, Stop, JoinHandle<()>) {
    let large = Bytes::from(vec![b'x'; LARGE_BYTES]);
    let router = Router::new()
        .route("/", get(|| async { "here" }).post(|body: Bytes| async move { body }))
        .route("/never", get(|| async { std::future::pending::<()>().await }))
        .route("/large", get(move || async move { large }))
        .route("/ticks", get(|| async { Body::from_stream(ticks()) }))
        .route("/upload", post(|body: Bytes| async move { body.len().to_string() }));
    let listener = listen::bind("127.0.0.1:0".parse().unwrap(), "--bind").unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), Stop::new());
    (address, stop.clone(), tokio::spawn(serve(listener, router, limits, stop)))
}

/// An endless stream of bytes.
fn ticks() -> impl futures_util::Stream<Item = Result<&'static str, std::io::Error>> {
    stream::unfold((), |()| async {
        sleep(Duration::from_millis(50)).await;
        Some((Ok("."), ()))
    })
}

/// Opens a connection and sends this string.
async fn send(address: SocketAddr, words: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(words.as_bytes()).await.unwrap();
    stream
}

/// Like [`send`], with a small receive buffer.
async fn send_with_small_window(address: SocketAddr, words: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    stream.write_all(words.as_bytes()).await.unwrap();
    stream
}

/// The first bytes of a response; empty when there is none.
async fn receive(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 1_024];
    let count = timeout(LIMIT, stream.read(&mut bytes)).await.expect("in time").unwrap_or(0);
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

/// All that comes until the connection ends.
async fn receive_all(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = timeout(LIMIT, stream.read_to_end(&mut bytes)).await.expect("it ends");
    bytes
}

/// Asserts that a new client gets its response soon.
async fn responds_soon(address: SocketAddr) {
    let response = timeout(SOON, async { receive(&mut send(address, GET).await).await }).await;
    assert!(response.expect("soon").contains(" 200 "));
}
