//! Tests the effect of each condition on a client of an echo server.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::{Condition, Naming, Proxy};

const NAME: &str = "all";
const SHORT: Duration = Duration::from_millis(300);

async fn echo() -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(Naming::Fixed(NAME)).await;
    proxy.forward_to(listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reads, mut writes) = stream.split();
                let _ended = tokio::io::copy(&mut reads, &mut writes).await;
            });
        }
    });
    proxy
}

async fn ping(stream: &mut TcpStream) -> std::io::Result<Duration> {
    let started_at = Instant::now();
    stream.write_all(b"ping").await?;
    stream.read_exact(&mut [0; 4]).await?;
    Ok(started_at.elapsed())
}

#[tokio::test]
async fn bytes_are_forwarded_delayed_and_throttled() {
    let proxy = echo().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    ping(&mut stream).await.unwrap();
    assert_eq!(proxy.set(NAME, Condition::Delay(Duration::from_millis(50))), 1);
    assert!(ping(&mut stream).await.unwrap() >= Duration::from_millis(100), "both ways");
    proxy.set(NAME, Condition::Throttle(40));
    assert!(ping(&mut stream).await.unwrap() >= Duration::from_millis(200), "4 of 40, twice");
}

#[tokio::test]
async fn a_reset_affects_open_connections_only() {
    let proxy = echo().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    ping(&mut stream).await.unwrap();
    proxy.set(NAME, Condition::Reset);
    let result = timeout(SHORT, stream.read(&mut [0; 4])).await.expect("the reset arrives at once");
    assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    ping(&mut TcpStream::connect(proxy.address()).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_half_open_fault_affects_open_connections_only() {
    let proxy = echo().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    ping(&mut stream).await.unwrap();
    proxy.set(NAME, Condition::Silent);
    assert!(timeout(SHORT, ping(&mut stream)).await.is_err(), "nothing arrives, not even EOF");
    ping(&mut TcpStream::connect(proxy.address()).await.unwrap()).await.unwrap();
}
