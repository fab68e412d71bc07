//! HTTP/2, as OTLP exporters use it.

use std::time::Duration;

use axum::http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use runtime::serve::{Protocol, ServerLimits};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{LARGE_BYTES, LIMIT, SOON, receive, send, start};

const LIMITS: ServerLimits = ServerLimits { connections: 4, ..ServerLimits::OTLP_GRPC };

type Client = http2::SendRequest<Full<Bytes>>;

async fn client(address: std::net::SocketAddr, window: u32) -> Client {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window).initial_connection_window_size(64 * 1024);
    let (client, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn status(client: &mut Client, path: &str, body: Vec<u8>) -> u16 {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let request = Request::builder().method(method).uri(format!("http://x{path}"));
    let request = request.body(Full::from(body)).unwrap();
    client.send_request(request).await.map_or(0, |response| response.status().as_u16())
}

#[tokio::test]
async fn an_upload_succeeds_while_idle_connections_exhaust_the_limit() {
    assert_eq!(LIMITS.protocol, Protocol::Grpc);
    let (address, ..) = start(LIMITS).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(send(address, "").await);
        silent.push(send(address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await);
    }
    let upload = async {
        let mut client = client(address, 64 * 1024).await;
        status(&mut client, "/upload", vec![0; 1024 * 1024]).await
    };
    assert_eq!(timeout(SOON, upload).await.expect("soon"), 200);
}

#[tokio::test]
async fn http_1_is_refused() {
    let (address, ..) = start(LIMITS).await;
    let mut stream = send(address, super::GET).await;
    assert!(!receive(&mut stream).await.contains("200"));
}

#[tokio::test]
async fn an_unread_response_ends_with_the_exchange_time() {
    let limits = ServerLimits { exchange_time: Some(Duration::from_millis(300)), ..LIMITS };
    let (address, ..) = start(limits).await;
    let mut unread = client(address, 0).await;
    let request = Request::get("http://x/large").body(Full::default()).unwrap();
    let response = unread.send_request(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    timeout(LIMIT, async {
        while !unread.is_closed() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the connection ends");
    let body = response.into_body().collect().await;
    assert!(body.is_err() || body.unwrap().to_bytes().len() < LARGE_BYTES);
}

#[tokio::test]
async fn an_idle_connection_stays_open_for_longer_than_a_head_may_take() {
    let head_time = Duration::from_millis(100);
    let (address, ..) = start(ServerLimits { head_time, ..LIMITS }).await;
    let mut exporter = client(address, 64 * 1024).await;
    assert_eq!(status(&mut exporter, "/", Vec::new()).await, 200);
    sleep(head_time * 5).await;
    assert_eq!(status(&mut exporter, "/", Vec::new()).await, 200);
}
