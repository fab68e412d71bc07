//! Clients that are slow, and the end of the gateway.

use std::{net::SocketAddr, time::Duration};

use testkit::eventually;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::rig::{JOB, LIMIT, Rig};

async fn connect(rig: &Rig) -> TcpStream {
    let address: SocketAddr = rig.api.strip_prefix("http://").unwrap().parse().unwrap();
    TcpStream::connect(address).await.unwrap()
}

fn head(rig: &Rig, length: usize) -> String {
    let host = rig.api.strip_prefix("http://").unwrap();
    format!(
        "POST /v1/jobs HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

async fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    timeout(LIMIT, stream.read_to_string(&mut answer)).await.expect("it ends").unwrap();
    answer
}

#[tokio::test]
async fn an_incomplete_request_head_or_body_gets_408() {
    let rig = Rig::start().await;
    let (mut slow_head, mut slow_body) = (connect(&rig).await, connect(&rig).await);
    slow_head.write_all(b"POST /v1/jobs HTTP/1.1\r\nhost: loc").await.unwrap();
    slow_body.write_all(head(&rig, JOB.len()).as_bytes()).await.unwrap();
    slow_body.write_all(&JOB.as_bytes()[..10]).await.unwrap();
    let (head, body) = tokio::join!(answer(slow_head), answer(slow_body));
    assert!(head.starts_with("HTTP/1.1 408 ") && head.contains("request-timeout"), "{head}");
    assert!(body.starts_with("HTTP/1.1 408 ") && body.contains("request-timeout"), "{body}");
    rig.holds_nothing().await;
}

#[tokio::test]
async fn a_body_without_content_length_has_the_same_limit() {
    let rig = Rig::start().await;
    let mut stream = connect(&rig).await;
    let head = head(&rig, 0)
        .replace("content-length: 0", "transfer-encoding: chunked\r\nconnection: close");
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("2800\r\n{}\r\n", "x".repeat(0x2800));
    for _ in 0..90 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let answer = answer(stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    rig.holds_nothing().await;
}

#[tokio::test]
async fn at_a_stop_open_requests_finish_and_new_ones_are_refused() {
    let mut rig = Rig::start().await;
    let (mut under_way, idle) = (connect(&rig).await, connect(&rig).await);
    under_way.write_all(head(&rig, JOB.len()).as_bytes()).await.unwrap();
    under_way.write_all(&JOB.as_bytes()[..10]).await.unwrap();
    rig.get("/v1/jobs").send().await.unwrap();
    rig.stop.trigger_soft();
    eventually(LIMIT, "new connections are refused", async || {
        let address: SocketAddr = rig.api.strip_prefix("http://").unwrap().parse().unwrap();
        TcpStream::connect(address).await.is_err()
    })
    .await;
    assert_eq!(answer(idle).await, "");
    assert!(!rig.ended.is_finished());
    under_way.write_all(&JOB.as_bytes()[10..]).await.unwrap();
    let answer = answer(under_way).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    timeout(LIMIT, &mut rig.ended).await.expect("it ends").unwrap().unwrap();
    assert_eq!(rig.submitted().await.messages, 1);
}

#[tokio::test]
async fn a_hard_stop_does_not_wait_for_requests() {
    let mut rig = Rig::start().await;
    let mut under_way = connect(&rig).await;
    under_way.write_all(head(&rig, JOB.len()).as_bytes()).await.unwrap();
    under_way.write_all(&JOB.as_bytes()[..10]).await.unwrap();
    rig.get("/v1/jobs").send().await.unwrap();
    rig.stop.trigger_soft();
    assert!(timeout(Duration::from_millis(300), &mut rig.ended).await.is_err());
    rig.stop.now();
    timeout(Duration::from_secs(2), &mut rig.ended).await.expect("immediately").unwrap().unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_one_clear_line() {
    let rig = Rig::start().await;
    let taken = rig.api.strip_prefix("http://").unwrap();
    let error = rig.another_on(taken).await.unwrap_err();
    let line = runtime::exit::one_line(&error);
    assert!(line.contains("in use") && line.contains("--gateway-bind"), "{line}");
}

#[tokio::test]
async fn a_flood_of_headers_is_refused_before_it_is_read() {
    let rig = Rig::start().await;
    let host = rig.api.strip_prefix("http://").unwrap().to_owned();
    let one_long = format!("x-long: {}\r\n", "x".repeat(64 * 1024));
    let many = "x-short: 1\r\n".repeat(500);
    for flood in [one_long, many] {
        let mut stream = connect(&rig).await;
        let head = format!("POST /v1/jobs HTTP/1.1\r\nhost: {host}\r\n{flood}");
        // It may close before it has read all of it.
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(b"content-length: 0\r\n\r\n").await;
        let answer = answer(stream).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:.80}");
    }
    rig.holds_nothing().await;
}

#[tokio::test]
async fn a_request_that_names_no_host_or_two_or_two_lengths_is_refused() {
    let rig = Rig::start().await;
    let host = rig.api.strip_prefix("http://").unwrap().to_owned();
    let start = "POST /v1/jobs HTTP/1.1\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let length = format!("content-length: {}\r\n", JOB.len());
    for (headers, status) in [
        (length.clone(), "421"),
        (format!("host: {host}\r\nhost: {host}\r\n{length}"), "421"),
        (format!("host: {host}\r\n{length}content-length: 1\r\n"), "400"),
        (format!("host: {host}\r\n{length}transfer-encoding: x\r\n"), "400"),
    ] {
        let mut stream = connect(&rig).await;
        stream.write_all(format!("{start}{headers}\r\n{JOB}").as_bytes()).await.unwrap();
        let answer = answer(stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{headers}: {answer:.80}");
    }
    rig.holds_nothing().await;
}
