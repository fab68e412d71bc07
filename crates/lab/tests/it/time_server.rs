//! The lab's time server on a real socket.

use std::{net::Ipv4Addr, time::Duration};

use lab::LabTimeServer;
use tokio::{net::UdpSocket, time::timeout};

const LIMIT: Duration = Duration::from_secs(10);

async fn client(server: &LabTimeServer) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    socket.connect(server.address()).await.unwrap();
    socket
}

fn question(mark: u8) -> [u8; 48] {
    let mut question = [0; 48];
    question[0] = 0b00_100_011;
    question[47] = mark;
    question
}

#[tokio::test]
async fn only_requests_get_a_response_and_it_is_no_longer_than_the_request() {
    let server = LabTimeServer::start((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let socket = client(&server).await;
    let mut as_server = question(1);
    as_server[0] = 0b00_100_100;
    for noise in [&[][..], &[0b00_100_011], &question(2)[..47], &as_server, &[0xff; 600]] {
        socket.send(noise).await.unwrap();
    }
    socket.send(&question(3)).await.unwrap();
    // Responses arrive in order: the first one is for the only request.
    let mut answer = [0; 1_024];
    let length = timeout(LIMIT, socket.recv(&mut answer)).await.unwrap().unwrap();
    assert_eq!((length, answer[31]), (48, 3));
}

#[tokio::test]
async fn a_flood_of_requests_gets_responses_up_to_a_limit() {
    let server = LabTimeServer::start((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let socket = client(&server).await;
    let began = tokio::time::Instant::now();
    let (mut sent, mut answers) = (0, 0);
    let mut answer = [0; 48];
    while sent < 3_000 {
        socket.send(&question(0)).await.unwrap();
        sent += 1;
        tokio::task::yield_now().await;
        while socket.try_recv(&mut answer).is_ok() {
            answers += 1;
        }
    }
    // A slow machine sends for longer than a second: each second has its own thousand.
    let seconds = began.elapsed().as_secs() + 1;
    assert!(answers > 0 && answers <= seconds * 1_000, "{answers} answers in {seconds} s");
}

#[tokio::test]
async fn a_dropped_time_server_frees_its_port() {
    let server = LabTimeServer::start((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let address = server.address();
    drop(server);
    testkit::eventually(LIMIT, "the port to be free", async || UdpSocket::bind(address).await)
        .await;
}
