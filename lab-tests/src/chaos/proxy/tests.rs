//! The proxy against a plain echo, and each weather as its client feels it.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::{Naming, Proxy, Weather};

const NAME: &str = "all";
const SHORT: Duration = Duration::from_millis(300);

async fn echo() -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(Naming::Fixed(NAME)).await;
    proxy.carry_to(listener.local_addr().unwrap().port());
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

async fn asked(stream: &mut TcpStream) -> std::io::Result<Duration> {
    let began = Instant::now();
    stream.write_all(b"ping").await?;
    stream.read_exact(&mut [0; 4]).await?;
    Ok(began.elapsed())
}

#[tokio::test]
async fn bytes_pass_and_take_longer_when_told_to() {
    let proxy = echo().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    asked(&mut stream).await.unwrap();
    assert_eq!(proxy.set(NAME, Weather::Delay(Duration::from_millis(50))), 1);
    assert!(asked(&mut stream).await.unwrap() >= Duration::from_millis(100), "both ways");
    proxy.set(NAME, Weather::Throttle(40));
    assert!(asked(&mut stream).await.unwrap() >= Duration::from_millis(200), "4 of 40, twice");
}

#[tokio::test]
async fn a_reset_is_felt_and_the_next_connection_is_well() {
    let proxy = echo().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    asked(&mut stream).await.unwrap();
    proxy.set(NAME, Weather::Reset);
    let felt = timeout(SHORT, stream.read(&mut [0; 4])).await.expect("the reset is felt at once");
    assert_eq!(felt.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    asked(&mut TcpStream::connect(proxy.address()).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_half_open_connection_stays_silent_and_the_next_one_is_well() {
    let proxy = echo().await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    asked(&mut stream).await.unwrap();
    proxy.set(NAME, Weather::Silent);
    assert!(timeout(SHORT, asked(&mut stream)).await.is_err(), "nothing comes, not even an end");
    asked(&mut TcpStream::connect(proxy.address()).await.unwrap()).await.unwrap();
}
