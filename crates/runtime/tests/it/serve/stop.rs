//! Shutdown of a server.

use std::time::{Duration, Instant};

use runtime::serve::ServerLimits;
use tokio::{net::TcpStream, time::timeout};

use super::{GET, LIMIT, LIMITS, NEVER, receive, send, start};

#[tokio::test]
async fn requests_in_flight_get_the_grace_after_a_soft_stop_and_are_dropped_then() {
    let stop_grace = Some(Duration::from_millis(300));
    let (address, stop, served) = start(ServerLimits { stop_grace, ..LIMITS }).await;
    let mut never = send(address, NEVER).await;
    // A response on another connection: this one was accepted before it.
    assert!(receive(&mut send(address, GET).await).await.contains("200"));
    let stopped = Instant::now();
    stop.trigger_soft();
    timeout(LIMIT, served).await.expect("it ends").unwrap();
    assert!(stopped.elapsed() >= Duration::from_millis(300), "{:?}", stopped.elapsed());
    assert_eq!(receive(&mut never).await, "", "dropped without a response");
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens");
}

#[tokio::test]
async fn without_a_grace_requests_go_on_until_the_hard_stop() {
    let (address, stop, mut served) = start(LIMITS).await;
    let _never = send(address, NEVER).await;
    assert!(receive(&mut send(address, GET).await).await.contains("200"));
    stop.trigger_soft();
    assert!(timeout(Duration::from_millis(600), &mut served).await.is_err(), "it must wait");
    stop.now();
    timeout(LIMIT, served).await.expect("immediately").unwrap();
}

#[tokio::test]
async fn idle_connections_end_with_the_soft_stop() {
    let (address, stop, served) = start(LIMITS).await;
    let mut idle = send(address, GET).await;
    assert!(receive(&mut idle).await.contains("200"));
    let mut silent = send(address, "").await;
    stop.trigger_soft();
    assert_eq!(receive(&mut idle).await, "");
    assert_eq!(receive(&mut silent).await, "");
    timeout(LIMIT, served).await.expect("immediately").unwrap();
}
