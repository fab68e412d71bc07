//! Time limits, size limits, and requests that are not HTTP.

use std::time::{Duration, Instant};

use contract::api::Problem;
use runtime::serve::ServerLimits;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{sleep, timeout},
};

use super::{
    GET, LARGE, LIMIT, LIMITS, NEVER, receive, receive_all, send, send_with_small_window, start,
};

const SHORT: Duration = Duration::from_millis(200);

/// The status of a response that ends the connection, and the problem in its body.
async fn problem(stream: tokio::net::TcpStream) -> (u16, Problem) {
    let text = String::from_utf8(receive_all(stream).await).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("a response");
    assert!(head.contains("content-type: application/problem+json"), "{head}");
    assert!(head.contains("x-content-type-options: nosniff"), "{head}");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let problem: Problem = serde_json::from_str(body).unwrap();
    assert_eq!(problem.status, status);
    (status, problem)
}

#[tokio::test]
async fn a_head_that_does_not_end_is_a_408_that_ends_the_connection() {
    let (address, ..) = start(ServerLimits { head_time: SHORT, ..LIMITS }).await;
    let slow = send(address, "GET / HTTP/1.1\r\nhost:").await;
    let (status, problem) = problem(slow).await;
    assert_eq!(
        (status, problem.kind.as_str()),
        (408, "https://waybill.dev/problems/request-timeout")
    );
    let mut dripping = send(address, "G").await;
    for _ in 0..8 {
        let _ = dripping.write_all(b"G").await;
        sleep(SHORT / 4).await;
    }
    assert!(receive(&mut dripping).await.starts_with("HTTP/1.1 4"));
    assert_eq!(receive(&mut send(address, "").await).await, "", "no request was sent");
}

#[tokio::test]
async fn a_connection_without_requests_ends_after_the_idle_time() {
    let limits = ServerLimits { idle_time: SHORT, ..LIMITS };
    let (address, ..) = start(limits).await;
    let mut idle = send(address, GET).await;
    assert!(receive(&mut idle).await.contains(" 200 "));
    assert_eq!(receive(&mut idle).await, "");
}

#[tokio::test]
async fn heads_have_limits_of_size_and_number() {
    let (address, ..) = start(LIMITS).await;
    let head =
        |bytes: usize| format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(bytes));
    let mut good = send(address, &head(31 * 1024)).await;
    assert!(receive(&mut good).await.contains(" 200 "));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "x: y\r\n".repeat(200));
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(40 * 1024));
    for large in [head(33 * 1024), head(40 * 1024), many, long] {
        let stream = send(address, &large).await;
        assert_eq!(problem(stream).await.0, 431);
    }
    // What is much too large is not read to its end, and the response may be lost.
    let mut huge = send(address, "").await;
    let _ = huge.write_all(head(1024 * 1024).as_bytes()).await;
    let response = receive(&mut huge).await;
    assert!(response.is_empty() || response.contains(" 431 "), "{response}");
}

#[tokio::test]
async fn a_request_that_is_not_http_is_a_400_with_a_problem() {
    let (address, ..) = start(LIMITS).await;
    for words in [
        "GET /?state=<script> HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET / HTTP/9.9\r\nhost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nho st: x\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "\x16\x03\x01\x02\r\n\r\n",
    ] {
        let (status, problem) = problem(send(address, words).await).await;
        assert_eq!(status, 400, "{words:?}");
        assert!(problem.detail.contains("percent-encoded"), "{}", problem.detail);
    }
}

#[tokio::test]
async fn a_refusal_after_good_requests_has_a_problem_too() {
    let (address, ..) = start(LIMITS).await;
    let mut stream = send(address, GET).await;
    assert!(receive(&mut stream).await.ends_with("here"));
    stream.write_all(b"GET < HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(problem(stream).await.0, 400);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_a_408_and_the_next_one_is_handled() {
    let (address, ..) = start(ServerLimits { request_time: Some(SHORT), ..LIMITS }).await;
    let mut stream = send(address, NEVER).await;
    assert!(receive(&mut stream).await.starts_with("HTTP/1.1 408 "));
    stream.write_all(GET.as_bytes()).await.unwrap();
    assert!(receive(&mut stream).await.contains(" 200 "));
    let body = "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx";
    assert_eq!(problem(send(address, body).await).await.0, 408);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let (address, ..) = start(ServerLimits { write_time: SHORT, ..LIMITS }).await;
    let mut unread = send_with_small_window(address, &LARGE.repeat(3)).await;
    sleep(SHORT * 8).await;
    let mut bytes = Vec::new();
    let outcome = timeout(LIMIT, unread.read_to_end(&mut bytes)).await.expect("it ends");
    assert!(outcome.is_err(), "what was not read is dropped, with a reset");
    assert!(bytes.len() < super::LARGE_BYTES, "{}", bytes.len());
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_all_of_its_response() {
    let (address, ..) = start(ServerLimits { write_time: SHORT * 5, ..LIMITS }).await;
    let mut slow = send(address, LARGE).await;
    let (mut piece, mut seen, began) = (vec![0; 16 * 1024], 0, Instant::now());
    while seen < super::LARGE_BYTES {
        let count = timeout(LIMIT, slow.read(&mut piece)).await.unwrap().unwrap();
        assert!(count > 0, "ended after {seen} bytes");
        seen += count;
        if began.elapsed() < SHORT * 10 {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn an_event_stream_outlives_head_idle_and_write_timeouts_while_the_client_reads() {
    let short = ServerLimits { head_time: SHORT, idle_time: SHORT, write_time: SHORT, ..LIMITS };
    let (address, ..) = start(short).await;
    let mut follower = send(address, "GET /ticks HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let began = Instant::now();
    while began.elapsed() < SHORT * 8 {
        assert_ne!(receive(&mut follower).await, "");
    }
}

#[tokio::test]
async fn an_exchange_that_does_not_end_is_ended() {
    let (address, ..) = start(ServerLimits { exchange_time: Some(SHORT), ..LIMITS }).await;
    let follower = send(address, "GET /ticks HTTP/1.1\r\nhost: x\r\n\r\n").await;
    receive_all(follower).await;
}

#[tokio::test]
async fn half_closed_connections_end() {
    let (address, ..) = start(LIMITS).await;
    for words in ["", "GET / HT", NEVER] {
        let mut stream = send(address, words).await;
        stream.shutdown().await.unwrap();
        receive_all(stream).await;
    }
    let mut stream = send(address, GET).await;
    stream.shutdown().await.unwrap();
    assert!(String::from_utf8(receive_all(stream).await).unwrap().ends_with("here"));
}
