//! The listener of every public server: bounded, in time, and ended in order.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use service::{
    serve::{Limits, Protocol, serve},
    stop::Stop,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

const LIMIT: Duration = Duration::from_secs(10);
const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const LIMITS: Limits = Limits {
    protocol: Protocol::Http,
    connections: 8,
    head_time: LIMIT,
    request_time: None,
    stop_grace: None,
};

/// A server whose `/` answers at once and whose `/never` does not.
async fn start(limits: Limits) -> (SocketAddr, Stop, JoinHandle<()>) {
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/never", get(|| async { std::future::pending::<()>().await }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), Stop::new());
    (address, stop.clone(), tokio::spawn(serve(listener, router, limits, stop)))
}

/// A connection on which this was said.
async fn say(address: SocketAddr, words: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(words.as_bytes()).await.unwrap();
    stream
}

/// The first bytes of an answer.
async fn hear(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 256];
    let count = timeout(LIMIT, stream.read(&mut bytes)).await.expect("in time").unwrap_or(0);
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

#[tokio::test]
async fn one_connection_too_many_waits_until_another_closes() {
    let (address, _stop, _served) = start(Limits { connections: 2, ..LIMITS }).await;
    let (mut first, mut second) = (say(address, GET).await, say(address, GET).await);
    assert!(hear(&mut first).await.contains("200") && hear(&mut second).await.contains("200"));
    let mut third = say(address, GET).await;
    let mut byte = [0];
    assert!(timeout(Duration::from_millis(300), third.peek(&mut byte)).await.is_err());
    drop(first);
    assert!(hear(&mut third).await.contains("200"));
}

#[tokio::test]
async fn a_head_that_never_ends_and_one_that_is_too_large_end_the_connection() {
    let head_time = Duration::from_millis(200);
    let (address, _stop, _served) = start(Limits { head_time, ..LIMITS }).await;
    let mut slow = say(address, "GET / HTTP/1.1\r\nhost:").await;
    assert_eq!(hear(&mut slow).await, "");
    let large = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(64 * 1024));
    let mut large = say(address, &large).await;
    assert!(hear(&mut large).await.contains(" 431 "));
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_408() {
    let request_time = Some(Duration::from_millis(200));
    let (address, _stop, _served) = start(Limits { request_time, ..LIMITS }).await;
    let mut stream = say(address, "GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(hear(&mut stream).await.starts_with("HTTP/1.1 408 "));
}

#[tokio::test]
async fn requests_under_way_get_the_grace_after_a_soft_stop_and_are_dropped_then() {
    let stop_grace = Some(Duration::from_millis(300));
    let (address, stop, served) = start(Limits { stop_grace, ..LIMITS }).await;
    let mut never = say(address, "GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await;
    // An answer on another connection: this one was accepted before it.
    assert!(hear(&mut say(address, GET).await).await.contains("200"));
    let told = Instant::now();
    stop.soften();
    timeout(LIMIT, served).await.expect("it ends").unwrap();
    assert!(told.elapsed() >= Duration::from_millis(300), "{:?}", told.elapsed());
    assert_eq!(hear(&mut never).await, "", "dropped without an answer");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
}

#[tokio::test]
async fn without_a_grace_requests_go_on_until_the_hard_stop() {
    let (address, stop, mut served) = start(LIMITS).await;
    let _never = say(address, "GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(hear(&mut say(address, GET).await).await.contains("200"));
    stop.soften();
    assert!(timeout(Duration::from_millis(600), &mut served).await.is_err(), "it must wait");
    stop.now();
    timeout(LIMIT, served).await.expect("at once").unwrap();
}
