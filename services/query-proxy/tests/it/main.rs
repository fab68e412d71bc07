//! The query proxy before a backend that notes what reaches it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, extract::State, http::Uri, response::IntoResponse};
use contract::signals::METRICS;
use query_proxy::{Config, RunningQueryProxy, start};
use reqwest::{Client, Method, Response};
use runtime::{admin::AdminConfig, clock::Clock, http_guard::HostsConfig, stop::Stop};
use telemetry::Metrics;
use tokio::net::TcpListener;

/// What reached the backend: method, path with query, and body.
type Seen = Arc<Mutex<Vec<String>>>;

struct Rig {
    seen: Seen,
    proxy: RunningQueryProxy,
    stop: Stop,
}

impl Rig {
    async fn start() -> Self {
        let seen = Seen::default();
        let backend = Router::new().fallback(note).with_state(seen.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().ok();
        tokio::spawn(async move { axum::serve(listener, backend).await });
        let any = "127.0.0.1:0".parse().unwrap();
        let config = Config {
            prometheus_bind: any,
            prometheus: url.clone(),
            loki_bind: any,
            loki: url.clone(),
            tempo_bind: any,
            tempo: url,
            admin: AdminConfig {
                admin_bind: any,
                hosts: HostsConfig { allowed_hosts: vec!["query-proxy".to_owned()] },
            },
        };
        let stop = Stop::new();
        let proxy = start(config, metrics(), stop.clone()).unwrap();
        Self { seen, proxy, stop }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().drain(..).collect()
    }

    async fn send(&self, method: Method, url: String, headers: &[(&str, &str)]) -> Response {
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut request = http.request(method.clone(), url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if method == Method::POST {
            request = request.body("query=up");
        }
        request.send().await.unwrap()
    }
}

/// Answers as a backend that lets every origin read.
async fn note(
    State(seen): State<Seen>,
    method: axum::http::Method,
    uri: Uri,
    body: Bytes,
) -> impl IntoResponse {
    let line = format!("{method} {uri} {}", String::from_utf8_lossy(&body));
    seen.lock().unwrap().push(line.trim().to_owned());
    [
        ("access-control-allow-origin", "*"),
        ("content-type", "application/json"),
        ("set-cookie", "a=b"),
    ]
    .into_response()
}

fn metrics() -> Metrics {
    Metrics::new(METRICS, None, Clock::new().offset())
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn queries_reach_their_backend_and_no_other_origin_may_read_the_response() {
    let rig = Rig::start().await;
    let (prometheus, loki) = (rig.proxy.prometheus.unwrap(), rig.proxy.loki.unwrap());
    let tempo = rig.proxy.tempo.unwrap();
    let range = format!("http://{prometheus}/api/v1/query?query=up%7Ba%3D%22b%22%7D");
    let answer = rig.send(Method::GET, range, &[("origin", "http://evil.example")]).await;
    assert_eq!(answer.status(), 200);
    let headers = answer.headers();
    assert_eq!(headers["content-type"], "application/json");
    for foreign in ["access-control-allow-origin", "set-cookie"] {
        assert!(!headers.contains_key(foreign), "{headers:?}");
    }
    assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
    rig.send(Method::POST, format!("http://{prometheus}/api/v1/query_range"), &[FORM]).await;
    rig.send(
        Method::GET,
        format!("http://{loki}/loki/api/v1/labels"),
        &[("host", "query-proxy:3100")],
    )
    .await;
    rig.send(Method::GET, format!("http://{tempo}/api/v2/traces/12"), &[]).await;
    assert_eq!(
        rig.seen(),
        [
            "GET /api/v1/query?query=up%7Ba%3D%22b%22%7D",
            "POST /api/v1/query_range query=up",
            "GET /loki/api/v1/labels",
            "GET /api/v2/traces/12",
        ]
    );
    rig.stop.now();
    rig.proxy.ended().await.unwrap();
}

#[tokio::test]
async fn cross_origin_requests_are_rejected_before_the_backend() {
    let rig = Rig::start().await;
    let (prometheus, loki) = (rig.proxy.prometheus.unwrap(), rig.proxy.loki.unwrap());
    let tempo = rig.proxy.tempo.unwrap();
    let evil = ("origin", "http://evil.example");
    for (method, url, headers, status) in [
        // Images and scripts: no origin.
        (Method::GET, format!("http://{loki}/ingester/shutdown"), &[][..], 403),
        (Method::GET, format!("http://{tempo}/shutdown"), &[], 403),
        (Method::GET, format!("http://{tempo}/api/%2e%2e/shutdown"), &[], 403),
        // A page that rebinds its own name.
        (
            Method::GET,
            format!("http://{prometheus}/api/v1/labels"),
            &[("host", "evil.example")],
            421,
        ),
        (
            Method::GET,
            format!("http://{loki}/loki/api/v1/labels"),
            &[("host", "evil.example:3100")],
            421,
        ),
        // Forms, and scripts that do without an answer.
        (Method::POST, format!("http://{prometheus}/api/v1/query"), &[FORM, evil], 403),
        (
            Method::POST,
            format!("http://{prometheus}/api/v1/query"),
            &[FORM, ("origin", "null")],
            403,
        ),
        (Method::POST, format!("http://{prometheus}/api/v1/write"), &[evil], 403),
        (Method::POST, format!("http://{prometheus}/api/v1/write"), &[], 415),
        (Method::POST, format!("http://{prometheus}/api/v1/write"), &[FORM], 403),
        (Method::POST, format!("http://{prometheus}/-/quit"), &[FORM], 403),
        (Method::POST, format!("http://{loki}/loki/api/v1/delete?query=x"), &[FORM], 403),
        (
            Method::POST,
            format!("http://{loki}/loki/api/v1/push"),
            &[("content-type", "text/plain")],
            415,
        ),
        (Method::DELETE, format!("http://{loki}/loki/api/v1/query"), &[], 403),
        (Method::OPTIONS, format!("http://{prometheus}/api/v1/query"), &[evil], 403),
    ] {
        let answer = rig.send(method.clone(), url.clone(), headers).await;
        assert_eq!(answer.status(), status, "{method} {url} {headers:?}");
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
    }
    assert_eq!(rig.seen(), [""; 0]);
}

#[tokio::test]
async fn an_unreachable_backend_is_named() {
    let rig = Rig::start().await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let config = Config {
        prometheus_bind: any,
        prometheus: format!("http://{free}").parse().ok(),
        loki_bind: any,
        loki: None,
        tempo_bind: any,
        tempo: None,
        admin: AdminConfig { admin_bind: any, hosts: HostsConfig::default() },
    };
    let proxy = start(config, metrics(), rig.stop.clone()).unwrap();
    assert_eq!((proxy.loki, proxy.tempo), (None, None));
    let url = format!("http://{}/api/v1/labels", proxy.prometheus.unwrap());
    let answer = rig.send(Method::GET, url, &[]).await;
    assert_eq!(answer.status(), 502);
    assert!(answer.text().await.unwrap().contains("Prometheus does not respond"));
}
