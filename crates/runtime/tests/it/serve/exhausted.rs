//! When all connections are taken: those that make no progress make room, the others stay.

use std::{net::SocketAddr, time::Duration};

use runtime::serve::Limits;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{GET, LARGE, LIMITS, NEVER, hear, responds_soon, say, say_narrowly, start};

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
async fn silent_connections_make_room_however_many_there_are() {
    let (address, ..) = start(LIMITS).await;
    let _silent = many(500, || say(address, "")).await;
    responds_soon(address).await;
}

#[tokio::test]
async fn heads_that_do_not_end_make_room() {
    let (address, ..) = start(LIMITS).await;
    let _slow = many(100, || say(address, "GET / HTTP/1.1\r\nhost:")).await;
    responds_soon(address).await;
}

#[tokio::test]
async fn bodies_that_do_not_come_make_room() {
    let (address, ..) = start(LIMITS).await;
    let upload = "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nx";
    let _slow = many(8, || say(address, upload)).await;
    responds_soon(address).await;
}

#[tokio::test]
async fn bodies_that_come_byte_by_byte_make_room() {
    let (address, ..) = start(LIMITS).await;
    let upload = "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nx";
    let dripping = many(8, || say(address, upload)).await;
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
async fn clients_that_do_not_read_make_room_pipelined_or_not() {
    let (address, ..) = start(LIMITS).await;
    let pipelined = LARGE.repeat(100);
    let _unread = many(8, || say_narrowly(address, &pipelined)).await;
    responds_soon(address).await;
    let _unread = many(8, || say_narrowly(address, LARGE)).await;
    responds_soon(address).await;
}

#[tokio::test]
async fn clients_that_read_a_little_now_and_then_make_room() {
    let (address, ..) = start(LIMITS).await;
    for mut stream in many(8, || say_narrowly(address, LARGE)).await {
        tokio::spawn(async move {
            while !hear(&mut stream).await.is_empty() {
                sleep(Duration::from_millis(100)).await;
            }
        });
    }
    responds_soon(address).await;
}

#[tokio::test]
async fn requests_that_are_handled_keep_their_connection_and_the_next_one_waits() {
    let (address, ..) = start(Limits { connections: 4, ..LIMITS }).await;
    let mut handled = many(3, || say(address, NEVER)).await;
    let follower = "GET /ticks HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut follower = say(address, follower).await;
    assert!(hear(&mut follower).await.contains(" 200 "));
    let mut waiting = say(address, GET).await;
    sleep(Duration::from_millis(1_500)).await;
    assert!(is_open(&waiting).await, "it waits");
    for stream in &handled {
        assert!(is_open(stream).await, "it is handled");
    }
    assert_ne!(hear(&mut follower).await, "");
    drop(handled.pop());
    assert!(hear(&mut waiting).await.contains(" 200 "));
}

#[tokio::test]
async fn of_those_that_wait_the_oldest_makes_room() {
    let (address, ..) = start(LIMITS).await;
    let mut idle = Vec::new();
    for _ in 0..8 {
        let mut stream = say(address, GET).await;
        assert!(hear(&mut stream).await.contains(" 200 "));
        idle.push(stream);
    }
    sleep(Duration::from_millis(50)).await;
    responds_soon(address).await;
    assert_eq!(hear(&mut idle[0]).await, "");
    assert!(is_open(&idle[7]).await);
}

#[tokio::test]
async fn a_client_that_asks_again_and_again_is_not_closed_by_a_flood_of_silent_ones() {
    let (address, ..) = start(LIMITS).await;
    let mut honest = say(address, GET).await;
    assert!(hear(&mut honest).await.contains(" 200 "));
    let flood = tokio::spawn(flood(address));
    for _ in 0..20 {
        responds_soon(address).await;
    }
    flood.abort();
}

async fn flood(address: SocketAddr) {
    let mut held = std::collections::VecDeque::new();
    loop {
        held.push_back(say(address, "").await);
        if held.len() > 200 {
            held.pop_front();
        }
        sleep(Duration::from_millis(1)).await;
    }
}
