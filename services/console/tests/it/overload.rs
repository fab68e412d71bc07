//! An export for which other senders leave no memory gets a retryable error; only a slow sender gets a timeout.

use futures_util::{StreamExt as _, stream};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use reqwest::Response;
use serde_json::Value;
use testkit::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Endpoint;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;

use crate::telemetry::{export, span, text, with};
use crate::under_test::{Console, STEP_LIMIT, in_time};

/// `google.rpc.Status` without its message.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

impl Status {
    /// Whether the response has a retry delay of one second.
    fn is_retryable(&self) -> bool {
        // A message whose first field is a duration, whose first field is one second.
        let retry = Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".into(),
            value: vec![0x0a, 2, 0x08, 1],
        };
        self.code == Code::Unavailable as i32 && self.details == [retry]
    }
}

/// A sender that stalls before the end of its large body.
async fn stalled(console: &Console) -> TcpStream {
    let mut stream = TcpStream::connect(console.running.otlp_http).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\nContent-Length: 8000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![0; 6 << 20]).await.unwrap();
    stream
}

fn large() -> ExportTraceServiceRequest {
    let spans = (1..=5).map(|id| with(span(1, id, 0, "large"), [text("x", &"x".repeat(200_000))]));
    export("gateway", spans.collect())
}

/// The response to an export for which there is no memory, while one of two stalled senders holds it and gets a 408. The
/// other one may get a 503 if it was too late to get memory.
async fn overloaded(console: &Console, media: &str, body: &[u8]) -> Response {
    // It takes a while until the console has read what the stalled senders sent.
    eventually(STEP_LIMIT, "an export without memory", async || {
        console.send(large()).await;
        let senders = [stalled(console).await, stalled(console).await];
        for _ in 0..100 {
            let answer = console.export("traces", media, body.to_vec()).send().await.unwrap();
            if answer.status() != 503 {
                continue;
            }
            let mut answers = Vec::new();
            for mut sender in senders {
                let mut answer = [0; 12];
                in_time(sender.read_exact(&mut answer)).await.unwrap();
                answers.push(String::from_utf8_lossy(&answer).into_owned());
            }
            let known =
                |answer: &String| ["HTTP/1.1 408", "HTTP/1.1 503"].contains(&answer.as_str());
            assert!(answers.iter().all(known), "{answers:?}");
            let is_slow = answers.iter().any(|answer| answer == "HTTP/1.1 408");
            return is_slow.then_some(answer).ok_or("neither held the memory");
        }
        Err("accepted")
    })
    .await
}

#[tokio::test]
async fn an_export_over_http_without_capacity_is_a_503_and_slow_ones_get_a_408() {
    let console = Console::start().await;
    let protobuf = ("application/x-protobuf", large().encode_to_vec());
    for (media, body) in [protobuf, ("application/json", vec![b' '; 1_000_000])] {
        let answer = overloaded(&console, media, &body).await;
        assert_eq!(answer.headers()["retry-after"], "1");
        let body = in_time(answer.bytes()).await.unwrap();
        if media.ends_with("json") {
            let status: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(
                (&status["code"], &status["details"][0]["retryDelay"]),
                (&14.into(), &"1s".into())
            );
        } else {
            assert!(Status::decode(body).unwrap().is_retryable());
        }
    }
    console.send(large()).await;
}

#[tokio::test]
async fn an_export_over_grpc_without_capacity_is_unavailable_with_a_retry_delay() {
    let console = Console::start().await;
    let endpoint = format!("http://{}", console.running.otlp_grpc);
    let mut client = TraceServiceClient::connect(endpoint.clone()).await.unwrap();
    let refused = eventually(STEP_LIMIT, "an export without memory", async || {
        in_time(client.export(large())).await.unwrap();
        let senders = [stalled_over_grpc(&endpoint).await, stalled_over_grpc(&endpoint).await];
        for _ in 0..100 {
            let Err(status) = client.export(large()).await else { continue };
            let mut codes = Vec::new();
            for sender in senders {
                codes.push(in_time(sender).await.unwrap());
            }
            let known = |code: &Code| [Code::DeadlineExceeded, Code::Unavailable].contains(code);
            assert!(codes.iter().all(known), "{codes:?}");
            let is_slow = codes.contains(&Code::DeadlineExceeded);
            return is_slow.then_some(status).ok_or("neither held the memory");
        }
        Err("accepted")
    })
    .await;
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(Status::decode(refused.details()).unwrap().is_retryable(), "{refused:?}");
    in_time(client.export(large())).await.unwrap();
}

/// The same over gRPC: a call whose body does not end. Returns the code of the response.
async fn stalled_over_grpc(endpoint: &str) -> JoinHandle<Code> {
    let channel = Endpoint::new(endpoint.to_owned()).unwrap().connect().await.unwrap();
    tokio::spawn(async move {
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.unwrap();
        let codec = ProstCodec::<ExportTraceServiceRequest, ExportTraceServiceResponse>::default();
        let unending = stream::iter(vec![large(); 6]).chain(stream::pending());
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        let path = PathAndQuery::from_static(path);
        let answer = client.client_streaming(Request::new(unending), path, codec).await;
        answer.unwrap_err().code()
    })
}
