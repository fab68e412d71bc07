//! What a client says of a server that refuses, answers something else, or does not answer.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::{net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use client::{
    AdminClient, ClientError, GatewayClient, JobFilter, NoResponse, UnexpectedResponse,
    http_builder,
};
use contract::{JobId, api::Problem};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use url::Url;

const TIMEOUT: Duration = Duration::from_millis(500);
const BODY_BYTES_MAX: usize = 1_000;

async fn serve(routes: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

fn gateway(address: SocketAddr) -> GatewayClient {
    let http = http_builder(TIMEOUT).build().unwrap();
    let url = Url::parse(&format!("http://{address}/")).unwrap();
    GatewayClient::over(http, &url).with_body_bytes_max(BODY_BYTES_MAX)
}

fn job() -> JobId {
    "018bcfe5-6800-7000-8000-000000000000".parse().unwrap()
}

async fn error_of(gateway: &GatewayClient) -> ClientError {
    gateway.job(job()).await.unwrap_err()
}

#[tokio::test]
async fn a_refusal_has_its_status_reason_and_delay() {
    let refuse = || async {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", 7.into());
        let problem = Problem {
            kind: "about:blank".to_owned(),
            title: "Full".to_owned(),
            status: 503,
            detail: "The queue is full.".to_owned(),
            trace_id: None,
        };
        (StatusCode::SERVICE_UNAVAILABLE, headers, Json(problem))
    };
    let gateway = gateway(serve(Router::new().route("/v1/jobs/{id}", get(refuse))).await);
    let error = error_of(&gateway).await;
    assert_eq!(
        (error.status(), error.http_status(), error.retry_after()),
        (Some(503), Some(503), Some(Duration::from_secs(7)))
    );
    assert!(error.is_transient());
    assert_eq!(
        error.to_string(),
        "the gateway refused the request (503): The queue is full. (try again in 7 s)"
    );
}

#[tokio::test]
async fn a_server_that_is_no_gateway_is_named_as_such() {
    let routes = Router::new()
        .route("/v1/jobs", get(|| async { "x".repeat(BODY_BYTES_MAX + 1) }))
        .route("/v1/queues", get(|| async { "hello" }));
    let address = serve(routes).await;
    let gateway = gateway(address);
    let error = error_of(&gateway).await;
    assert_eq!((error.status(), error.http_status()), (None, Some(404)));
    assert_eq!(
        error.to_string(),
        format!(
            "http://{address} is not a gateway of a lab (HTTP status 404 Not Found): \
             is another program listening on that port?"
        )
    );
    let large = gateway.jobs(&JobFilter::default()).await.unwrap_err();
    assert!(
        matches!(
            large,
            ClientError::Unexpected { what: UnexpectedResponse::TooLarge(BODY_BYTES_MAX), .. }
        ),
        "{large}"
    );
    let other = gateway.queues().await.unwrap_err();
    assert!(
        matches!(other, ClientError::Unexpected { what: UnexpectedResponse::Invalid(_), .. }),
        "{other}"
    );
}

#[tokio::test]
async fn refused_closed_truncated_and_hanging_responses_have_different_causes() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let cause = |error| match error {
        ClientError::Unreachable { cause, .. } => cause,
        other => panic!("{other}"),
    };
    let refused = error_of(&gateway(address)).await;
    assert!(refused.is_transient() && refused.to_string().contains("is the lab up?"), "{refused}");
    assert!(matches!(cause(refused), NoResponse::NotConnected(_)));

    let none = cause(error_of(&gateway(respond_with(None).await)).await);
    assert!(matches!(none, NoResponse::Closed(_)), "{none:?}");
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{";
    let half = cause(error_of(&gateway(respond_with(Some(half)).await)).await);
    assert!(matches!(half, NoResponse::BrokenOff(_)), "{half:?}");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let late = cause(error_of(&gateway(silent.local_addr().unwrap())).await);
    assert_eq!(late, NoResponse::Timeout);
}

/// A server that closes its only connection after this response.
async fn respond_with(response: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _request = stream.read(&mut [0; 4_096]).await;
        stream.write_all(response.unwrap_or_default().as_bytes()).await.unwrap();
    });
    address
}

#[tokio::test]
async fn metrics_and_failed_checks_are_read_from_an_admin_server() {
    let ready = || async {
        let checks = r#"{"ready":false,"checks":[{"name":"nats","ok":false,"reason":"no connection"},
            {"name":"disk","ok":true,"reason":""}]}"#;
        (StatusCode::SERVICE_UNAVAILABLE, checks)
    };
    let routes = Router::new()
        .route("/metrics", get(|| async { "# TYPE a counter\na_total 3\n# EOF\n" }))
        .route("/readyz", get(ready));
    let admin = AdminClient::new("ingester", serve(routes).await.port()).unwrap();
    assert_eq!(admin.metrics().await.unwrap().value("a_total"), Some(3.0));
    let not_ready = admin.not_ready("/readyz").await.unwrap();
    assert_eq!(not_ready.as_deref(), Some("nats: no connection"));
}
