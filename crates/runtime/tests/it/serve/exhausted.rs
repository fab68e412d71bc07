//! Exhausted connections: those without progress are closed, the others stay open.

use std::{net::SocketAddr, time::Duration};

use runtime::serve::ServerLimits;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    GET, LARGE, LIMITS, NEVER, receive, responds_soon, send, send_with_small_window, start,
};

async fn many<F: Future<Output = TcpStream>>(count: usize, one: impl Fn() -> F) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        streams.push(one().await);
    }
    streams
}

async fn is_open(stream: &TcpStream) -> bool {
    timeout(Duration::from_millis(100), stream.peek(&mut [0])).await.is_err()
}

#[tokio::test]
async fn silent_connections_are_closed_in_favour_of_new_ones() {
    let (address, ..) = start(LIMITS).await;
    let _silent = many(500, || send(address, "")).await;
    responds_soon(address).await;
}

#[tokio::test]
async fn incomplete_heads_are_closed_in_favour_of_new_ones() {
    let (address, ..) = start(LIMITS).await;
    let _slow = many(100, || send(address, "GET / HTTP/1.1\r\nhost:")).await;
    responds_soon(address).await;
}

#[tokio::test]
async fn missing_bodies_are_closed_in_favour_of_new_ones() {
    let (address, ..) = start(LIMITS).await;
    let upload = "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nx";
    let _slow = many(8, || send(address, upload)).await;
    responds_soon(address).await;
}

#[tokio::test]
async fn slow_bodies_are_closed_in_favour_of_new_ones() {
    let (address, ..) = start(LIMITS).await;
    let upload = "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nx";
    let dripping = many(8, || send(address, upload)).await;
    for mut stream in dripping {
        tokio::spawn(async move {
            while stream.write_all(b"x").await.is_ok() {
                sleep(Duration::from_millis(100)).await;
            }
        });
    }
    responds_soon(address).await;
}

#[tokio::test]
async fn clients_that_do_not_read_are_closed_pipelined_or_not() {
    let (address, ..) = start(LIMITS).await;
    let pipelined = LARGE.repeat(100);
    let _unread = many(8, || send_with_small_window(address, &pipelined)).await;
    responds_soon(address).await;
    let _unread = many(8, || send_with_small_window(address, LARGE)).await;
    responds_soon(address).await;
}

#[tokio::test]
async fn clients_that_read_too_slowly_are_closed() {
    let (address, ..) = start(LIMITS).await;
    for mut stream in many(8, || send_with_small_window(address, LARGE)).await {
        tokio::spawn(async move {
            while !receive(&mut stream).await.is_empty() {
                sleep(Duration::from_millis(100)).await;
            }
        });
    }
    responds_soon(address).await;
}

#[tokio::test]
async fn requests_that_are_handled_keep_their_connection_and_the_next_one_waits() {
    let (address, ..) = start(ServerLimits { connections: 4, ..LIMITS }).await;
    let mut handled = many(3, || send(address, NEVER)).await;
    let follower = "GET /ticks HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut follower = send(address, follower).await;
    assert!(receive(&mut follower).await.contains(" 200 "));
    let mut waiting = send(address, GET).await;
    sleep(Duration::from_millis(1_500)).await;
    assert!(is_open(&waiting).await, "it waits");
    for stream in &handled {
        assert!(is_open(stream).await, "it is handled");
    }
    assert_ne!(receive(&mut follower).await, "");
    drop(handled.pop());
    assert!(receive(&mut waiting).await.contains(" 200 "));
}

#[tokio::test]
async fn of_idle_connections_the_oldest_is_closed_first() {
    let (address, ..) = start(LIMITS).await;
    let mut idle = Vec::new();
    for _ in 0..8 {
        let mut stream = send(address, GET).await;
        assert!(receive(&mut stream).await.contains(" 200 "));
        idle.push(stream);
    }
    sleep(Duration::from_millis(50)).await;
    responds_soon(address).await;
    assert_eq!(receive(&mut idle[0]).await, "");
    assert!(is_open(&idle[7]).await);
}

#[tokio::test]
async fn an_active_client_is_not_closed_by_a_flood_of_silent_ones() {
    let (address, ..) = start(LIMITS).await;
    let mut active = send(address, GET).await;
    assert!(receive(&mut active).await.contains(" 200 "));
    let flood = tokio::spawn(flood(address));
    for _ in 0..20 {
        responds_soon(address).await;
    }
    flood.abort();
}

async fn flood(address: SocketAddr) {
    let mut held = std::collections::VecDeque::new();
    loop {
        held.push_back(send(address, "").await);
        if held.len() > 200 {
            held.pop_front();
        }
        sleep(Duration::from_millis(1)).await;
    }
}
