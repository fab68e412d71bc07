//! Slow senders hold connections and memory; other senders must not wait for them.

use std::{sync::Arc, time::Duration};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, trace_service_client::TraceServiceClient,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    console::{BUDGET_MIB, Console, alone},
    watch::Watch,
    wire::EXPORT_BYTES_MAX,
};

/// Duration of an attack.
const ATTACK: Duration = Duration::from_secs(12);
/// Timeout of a valid call over gRPC.
const CALL_LIMIT: Duration = Duration::from_secs(5);
/// Interval between two bytes of a slow sender.
const BYTE: Duration = Duration::from_secs(1);
/// Delay before a sender reconnects.
const BACK: Duration = Duration::from_millis(20);
const SENDERS: usize = 64;

/// Runs an attack of slow senders, during which valid telemetry must arrive over HTTP and gRPC.
async fn honest_telemetry_gets_through<F>(
    attack: &'static str,
    sender: impl Fn(String, String) -> F,
) where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let _alone = alone().await;
    let (idle, mut console) = (Arc::new(Console::start().await), Arc::new(Console::start().await));
    let endpoint = format!("http://{}", console.otlp_grpc());
    let mut client = TraceServiceClient::connect(endpoint).await.unwrap();
    console.forget_peak();
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        senders.spawn(sender(console.otlp_http(), console.otlp_grpc()));
    }
    let watch = Watch::start(&console, &idle);
    let (mut calls, mut faults) = (0, Vec::new());
    let until = tokio::time::Instant::now() + ATTACK;
    while tokio::time::Instant::now() < until {
        let call = timeout(CALL_LIMIT, client.export(ExportTraceServiceRequest::default())).await;
        calls += 1;
        if !matches!(call, Ok(Ok(_))) {
            faults.push(format!("gRPC: {call:?}"));
        }
        sleep(Duration::from_millis(100)).await;
    }
    let mut seen = watch.end().await;
    seen.judge(attack);
    senders.shutdown().await;
    let peak = console.peak_mib();
    println!(
        "MEASURED: {attack}: {calls} honest calls over gRPC, {} failed, {peak} MiB",
        faults.len()
    );
    faults.append(&mut seen.faults);
    if peak > BUDGET_MIB * 3 / 2 {
        faults.push(format!("{peak} MiB at most; the budget is {BUDGET_MIB}"));
    }
    assert!(Arc::get_mut(&mut console).unwrap().is_alive());
    assert!(
        faults.is_empty(),
        "{} faults, such as {:?}",
        faults.len(),
        &faults[..faults.len().min(5)]
    );
}

/// Reconnects whenever its connection is closed.
async fn again<F: Future<Output = std::io::Result<()>>>(
    once: impl Fn() -> F,
) -> std::io::Result<()> {
    loop {
        once().await.ok();
        sleep(BACK).await;
    }
}

fn head(media: &str, length: usize) -> String {
    format!(
        "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: {media}\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// Sends `bytes` one at a time, until the other side closes the connection.
async fn drip(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        let mut answer = [0; 1_024];
        if let Ok(read) = timeout(BYTE, stream.read(&mut answer)).await
            && read? == 0
        {
            break;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn bodies_of_a_byte_per_second_do_not_delay_other_senders() {
    honest_telemetry_gets_through("slow bodies", |http, _| {
        again(move || {
            let http = http.clone();
            async move {
                let mut stream = TcpStream::connect(http).await?;
                stream.write_all(head("application/x-protobuf", 1_000).as_bytes()).await?;
                drip(&mut stream, &[0; 1_000]).await
            }
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn headers_of_a_byte_per_second_do_not_delay_other_senders() {
    honest_telemetry_gets_through("slow heads", |http, _| {
        again(move || {
            let http = http.clone();
            async move {
                let mut stream = TcpStream::connect(http).await?;
                drip(&mut stream, head("application/json", 2).as_bytes()).await
            }
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn bodies_that_stop_before_their_last_byte_hold_no_memory_and_block_no_export() {
    honest_telemetry_gets_through("bodies that stop", |http, _| {
        again(move || {
            let http = http.clone();
            async move {
                let mut stream = TcpStream::connect(http).await?;
                let head = head("application/x-protobuf", EXPORT_BYTES_MAX);
                stream.write_all(head.as_bytes()).await?;
                let piece = vec![0; 65_536];
                for _ in 1..EXPORT_BYTES_MAX / piece.len() {
                    stream.write_all(&piece).await?;
                }
                drip(&mut stream, &[0; 1_000]).await
            }
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn grpc_calls_of_a_byte_per_second_do_not_delay_other_senders() {
    honest_telemetry_gets_through("slow gRPC", |_, grpc| {
        again(move || {
            let grpc = grpc.clone();
            async move {
                let mut stream = TcpStream::connect(grpc).await?;
                stream.write_all(&http2::opened()).await?;
                // Several calls on one connection.
                for call in 0..4 {
                    stream.write_all(&http2::call(2 * call + 1)).await?;
                }
                for _ in 0..1_000 {
                    for call in 0..4 {
                        stream.write_all(&http2::data(2 * call + 1, &[0])).await?;
                    }
                    let mut answer = [0; 1_024];
                    if let Ok(read) = timeout(BYTE, stream.read(&mut answer)).await
                        && read? == 0
                    {
                        break;
                    }
                }
                Ok(())
            }
        })
    })
    .await;
}

/// The frames of HTTP/2 that a slow sender needs.
mod http2 {
    /// The connection preface and settings of a client.
    pub(super) fn opened() -> Vec<u8> {
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(4, 0, 0, &[])].concat()
    }

    /// The headers of a call that exports spans.
    pub(super) fn call(stream: u32) -> Vec<u8> {
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ];
        // Literal header fields without indexing or Huffman coding.
        let written = |(name, value): &(&str, &str)| {
            let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
            [vec![0], text(name), text(value)].concat()
        };
        frame(1, 4, stream, &fields.iter().flat_map(written).collect::<Vec<_>>())
    }

    /// A data frame of a call.
    pub(super) fn data(stream: u32, body: &[u8]) -> Vec<u8> {
        frame(0, 0, stream, body)
    }

    fn frame(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32).to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), body].concat()
    }
}
