//! Tests of the HTTP guard.

use std::net::SocketAddr;

use axum::{Router, routing::get};
use contract::api::Problem;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use runtime::http_guard::{AllowedHosts, guard};
use tokio::net::TcpListener;

struct Server {
    address: SocketAddr,
    client: Client,
}

/// A guarded server that answers 200 to GET and POST. `bind` is where it says it was bound.
async fn server(bind: &str, extra: &[&str], media: Option<&'static [&'static str]>) -> Server {
    let extra: Vec<String> = extra.iter().map(ToString::to_string).collect();
    let mut allowed = AllowedHosts::new(bind.parse().unwrap(), &extra);
    if let Some(media) = media {
        allowed = allowed.media_types(media);
    }
    let routes = Router::new().route("/", get(|| async { "read" }).post(|| async { "changed" }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, guard(routes, allowed)).into_future());
    Server { address, client: Client::new() }
}

impl Server {
    fn request(&self, method: Method, host: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}/", self.address)).header("host", host)
    }

    async fn get(&self, host: &str) -> StatusCode {
        self.request(Method::GET, host).send().await.unwrap().status()
    }

    async fn post(&self, headers: &[(&str, &str)], body: &'static str) -> StatusCode {
        let host = self.address.to_string();
        let request =
            headers.iter().fold(self.request(Method::POST, &host), |request, (name, value)| {
                request.header(*name, *value)
            });
        request.body(body).send().await.unwrap().status()
    }
}

#[tokio::test]
async fn a_rebound_host_name_is_refused_on_any_port() {
    let server = server("127.0.0.1:8080", &["Gateway:9", " lab.example "], None).await;
    for good in [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1:8080",
        "127.0.0.2",
        "[::1]:9",
        "gateway:8080",
        "lab.example.",
    ] {
        assert_eq!(server.get(good).await, StatusCode::OK, "{good}");
    }
    let bad = [
        "evil.example:8080",
        "localhost.evil.example",
        "192.168.0.7",
        "169.254.169.254",
        "user@localhost",
        "",
        "a b",
    ];
    for bad in bad {
        assert_eq!(server.get(bad).await, StatusCode::MISDIRECTED_REQUEST, "{bad:?}");
    }
}

#[tokio::test]
async fn a_server_bound_to_every_address_accepts_addresses_but_not_names() {
    let server = server("0.0.0.0:8080", &[], None).await;
    assert_eq!(server.get("192.168.0.7:8080").await, StatusCode::OK);
    assert_eq!(server.get("[fe80::1]").await, StatusCode::OK);
    assert_eq!(server.get("evil.example").await, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn a_page_of_another_origin_can_change_nothing() {
    let server = server("127.0.0.1:0", &[], None).await;
    let json = ("content-type", "application/json; charset=utf-8");
    let own = format!("http://{}", server.address);
    assert_eq!(server.post(&[json, ("origin", &own)], "{}").await, StatusCode::OK);
    let foreign = ["http://localhost:3000", "https://evil.example", "null", "file://", ""];
    for foreign in foreign {
        let status = server.post(&[json, ("origin", foreign)], "{}").await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{foreign:?}");
    }
    assert_eq!(server.post(&[("origin", "https://evil.example")], "").await, StatusCode::FORBIDDEN);
    let host = server.address.to_string();
    let read = server.request(Method::GET, &host).header("origin", "https://evil.example");
    assert_eq!(read.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_a_form_could_send_is_refused() {
    let server = server("127.0.0.1:0", &[], None).await;
    for form in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonx",
        "",
    ] {
        let status = server.post(&[("content-type", form)], "{}").await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{form:?}");
    }
    assert_eq!(server.post(&[], "{}").await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(server.post(&[], "").await, StatusCode::OK, "no body, no type");
}

#[tokio::test]
async fn a_server_may_take_other_bodies() {
    let media: &[&str] = &["application/x-protobuf", "application/cloudevents+json"];
    let server = server("127.0.0.1:0", &[], Some(media)).await;
    for good in ["application/x-protobuf", "Application/CloudEvents+JSON"] {
        assert_eq!(server.post(&[("content-type", good)], "x").await, StatusCode::OK, "{good}");
    }
    let status = server.post(&[("content-type", "application/json")], "{}").await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_wrong_host_gets_problem_json_that_names_the_flag() {
    let server = server("127.0.0.1:0", &[], None).await;
    let response = server.request(Method::GET, "evil.example").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: Problem = response.json().await.unwrap();
    assert_eq!((problem.status, problem.trace_id), (421, None));
    assert_eq!(problem.kind, "https://waybill.dev/problems/wrong-host");
    assert!(problem.detail.contains("--allowed-hosts"), "{}", problem.detail);
}
