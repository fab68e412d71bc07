//! The shell of every server: bounded, in time, and ended in order.

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
    serve::{Limits, serve},
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
const LIMITS: Limits = Limits { connections: 8, ..Limits::API };

/// A server whose `/` responds at once and whose `/never` does not.
async fn start(limits: Limits) -> (SocketAddr, Stop, JoinHandle<()>) {
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

/// A byte now and then, without an end.
fn ticks() -> impl futures_util::Stream<Item = Result<&'static str, std::io::Error>> {
    stream::unfold((), |()| async {
        sleep(Duration::from_millis(50)).await;
        Some((Ok("."), ()))
    })
}

/// A connection on which this was sent.
async fn say(address: SocketAddr, words: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(words.as_bytes()).await.unwrap();
    stream
}

/// The same from a client that takes as little as it can.
async fn say_narrowly(address: SocketAddr, words: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    stream.write_all(words.as_bytes()).await.unwrap();
    stream
}

/// The first bytes of a response; empty when there is none.
async fn hear(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 1_024];
    let count = timeout(LIMIT, stream.read(&mut bytes)).await.expect("in time").unwrap_or(0);
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

/// All that comes until the connection ends.
async fn hear_all(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = timeout(LIMIT, stream.read_to_end(&mut bytes)).await.expect("it ends");
    bytes
}

/// An honest client gets its response soon.
async fn responds_soon(address: SocketAddr) {
    let response = timeout(SOON, async { hear(&mut say(address, GET).await).await }).await;
    assert!(response.expect("soon").contains(" 200 "));
}
