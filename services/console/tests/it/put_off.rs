//! An export that finds no room because of other senders gets a retryable answer; only a slow sender gets a timeout.

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

/// `google.rpc.Status`, as far as it says when to come back.
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
    /// Whether it asks the sender to come back in a second.
    fn is_put_off(&self) -> bool {
        // A message whose first field is a duration, whose first field is one second.
        let retry = Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".into(),
            value: vec![0x0a, 2, 0x08, 1],
        };
        self.code == Code::Unavailable as i32 && self.details == [retry]
    }
}

/// A sender that stops before the end of its large body.
async fn hog(console: &Console) -> TcpStream {
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

/// What an export is answered that finds no room, while a sender that stopped has it and is answered a 408. A sender
/// that is put off itself, because the other one was faster, stopped nowhere.
async fn put_off(console: &Console, media: &str, body: &[u8]) -> Response {
    // What the hogs send takes a moment to be read.
    eventually(STEP_LIMIT, "an export that finds no room", async || {
        console.send(large()).await;
        let hogs = [hog(console).await, hog(console).await];
        for _ in 0..100 {
            let answer = console.export("traces", media, body.to_vec()).send().await.unwrap();
            if answer.status() != 503 {
                continue;
            }
            let mut answers = Vec::new();
            for mut hog in hogs {
                let mut answer = [0; 12];
                in_time(hog.read_exact(&mut answer)).await.unwrap();
                answers.push(String::from_utf8_lossy(&answer).into_owned());
            }
            let known =
                |answer: &String| ["HTTP/1.1 408", "HTTP/1.1 503"].contains(&answer.as_str());
            assert!(answers.iter().all(known), "{answers:?}");
            let is_slow = answers.iter().any(|answer| answer == "HTTP/1.1 408");
            return is_slow.then_some(answer).ok_or("both were put off");
        }
        Err("taken")
    })
    .await
}

#[tokio::test]
async fn an_export_over_http_without_capacity_is_a_503_and_slow_ones_get_a_408() {
    let console = Console::start().await;
    let protobuf = ("application/x-protobuf", large().encode_to_vec());
    for (media, body) in [protobuf, ("application/json", vec![b' '; 1_000_000])] {
        let answer = put_off(&console, media, &body).await;
        assert_eq!(answer.headers()["retry-after"], "1");
        let body = in_time(answer.bytes()).await.unwrap();
        if media.ends_with("json") {
            let said: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(
                (&said["code"], &said["details"][0]["retryDelay"]),
                (&14.into(), &"1s".into())
            );
        } else {
            assert!(Status::decode(body).unwrap().is_put_off());
        }
    }
    console.send(large()).await;
}

#[tokio::test]
async fn an_export_over_grpc_without_capacity_is_unavailable_with_a_retry_delay() {
    let console = Console::start().await;
    let endpoint = format!("http://{}", console.running.otlp_grpc);
    let mut client = TraceServiceClient::connect(endpoint.clone()).await.unwrap();
    let refused = eventually(STEP_LIMIT, "an export that finds no room", async || {
        in_time(client.export(large())).await.unwrap();
        let hogs = [hog_over_grpc(&endpoint).await, hog_over_grpc(&endpoint).await];
        for _ in 0..100 {
            let Err(status) = client.export(large()).await else { continue };
            let mut codes = Vec::new();
            for hog in hogs {
                codes.push(in_time(hog).await.unwrap());
            }
            let known = |code: &Code| [Code::DeadlineExceeded, Code::Unavailable].contains(code);
            assert!(codes.iter().all(known), "{codes:?}");
            let is_slow = codes.contains(&Code::DeadlineExceeded);
            return is_slow.then_some(status).ok_or("both were put off");
        }
        Err("taken")
    })
    .await;
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(Status::decode(refused.details()).unwrap().is_put_off(), "{refused:?}");
    in_time(client.export(large())).await.unwrap();
}

/// The same over gRPC: a call whose body does not end. What it is answered.
async fn hog_over_grpc(endpoint: &str) -> JoinHandle<Code> {
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
