//! The console stops even if clients are still connected.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use console::Config;
use tokio_util::sync::CancellationToken;

use crate::telemetry::{export, span};
use crate::under_test::{in_time, metrics};

#[tokio::test]
async fn the_console_stops_within_a_second_and_closes_open_connections() {
    let stop = CancellationToken::new();
    let running = console::start(Config::on_free_ports(), metrics(), stop.clone()).await.unwrap();
    let mut grpc =
        TraceServiceClient::connect(format!("http://{}", running.otlp_grpc)).await.unwrap();
    in_time(grpc.export(export("gateway", vec![span(1, 1, 0, "a")]))).await.unwrap();
    let mut idle = TcpStream::connect(running.console).await.unwrap();
    // The responses show that the console handles the connection, and that it waits for the body.
    send_head(&mut idle, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut half_sent = TcpStream::connect(running.otlp_http).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Content-Length: 100\r\nExpect: 100-continue\r\n\r\n";
    send_head(&mut half_sent, head).await;

    let stopped = Instant::now();
    stop.cancel();
    timeout(Duration::from_secs(1), running.ended()).await.expect("within a second").unwrap();
    for connection in [&mut idle, &mut half_sent] {
        let mut rest = Vec::new();
        // Reset or closed: it must not stay open.
        let _ = in_time(connection.read_to_end(&mut rest)).await;
    }
    assert!(stopped.elapsed() < Duration::from_secs(2));
    assert!(in_time(grpc.export(export("gateway", Vec::new()))).await.is_err());
}

/// Sends the head of a request and reads the beginning of the response.
async fn send_head(connection: &mut TcpStream, head: &str) {
    connection.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(in_time(connection.read_u8()).await.unwrap(), b'H', "the beginning of HTTP/1.1");
}

#[tokio::test]
async fn an_address_in_use_is_an_error_that_names_the_flag() {
    let stop = CancellationToken::new();
    let running = console::start(Config::on_free_ports(), metrics(), stop.clone()).await.unwrap();
    let again = Config { otlp_grpc_bind: running.otlp_grpc, ..Config::on_free_ports() };
    let error = console::start(again, metrics(), stop.clone()).await.unwrap_err();
    assert!(format!("{error:#}").contains("--otlp-grpc-bind"), "{error:#}");
    stop.cancel();
}
