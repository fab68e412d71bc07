//! Tests of the admin server over HTTP.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use clap::Parser;
use contract::{Stage, signals::METRICS};
use runtime::{
    admin::{self, AdminConfig, AdminServer, ReadinessCheck, ReadinessChecks},
    clock::Clock,
    stop::Stop,
};
use telemetry::Metrics;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    admin: AdminConfig,
}

fn config(flags: &[&str]) -> AdminConfig {
    Flags::parse_from([&["test"], flags].concat()).admin
}

fn serve(readiness: ReadinessChecks, stop: Stop) -> AdminServer {
    let metrics = Metrics::new(METRICS, Some(Stage::Notifier), Clock::new().offset());
    admin::serve(&config(&[]), metrics, readiness, stop).unwrap()
}

async fn get(server: &AdminServer, path: &str) -> (u16, String, String) {
    let response = reqwest::get(format!("http://{}{path}", server.address)).await.unwrap();
    let media =
        response.headers().get("content-type").map(|media| media.to_str().unwrap().to_owned());
    (response.status().as_u16(), media.unwrap_or_default(), response.text().await.unwrap())
}

#[tokio::test]
async fn readiness_follows_its_checks_and_gives_their_reasons() {
    let broker = Arc::new(AtomicBool::new(false));
    let seen = broker.clone();
    let readiness = ReadinessChecks::new(move || {
        let is_up = seen.load(Relaxed);
        async move {
            vec![if is_up {
                ReadinessCheck::ok("broker", "connected")
            } else {
                ReadinessCheck::failed("broker", "connecting")
            }]
        }
    });
    let stop = Stop::new();
    let server = serve(readiness, stop.clone());
    let (status, _, body) = get(&server, "/readyz").await;
    assert_eq!(status, 503);
    assert_eq!(
        body,
        r#"{"ready":false,"checks":[{"name":"broker","ok":false,"reason":"connecting"}]}"#
    );
    assert_eq!(get(&server, "/healthz").await.0, 200, "alive all the same");
    broker.store(true, Relaxed);
    assert_eq!(get(&server, "/readyz").await.0, 200);
    stop.trigger_soft();
    let (status, _, body) = get(&server, "/readyz").await;
    assert!(status == 503 && body.contains("stopping"), "{body}");
}

#[tokio::test]
async fn a_check_that_hangs_fails() {
    let readiness = ReadinessChecks::new(std::future::pending);
    let server = serve(readiness, Stop::new());
    let (status, _, body) = get(&server, "/readyz").await;
    assert!(status == 503 && body.contains("took longer"), "{body}");
}

#[tokio::test]
async fn metrics_are_served_as_openmetrics_until_the_hard_stop() {
    let stop = Stop::new();
    let server = serve(ReadinessChecks::always(), stop.clone());
    stop.trigger_soft();
    let (status, media, text) = get(&server, "/metrics").await;
    assert_eq!(status, 200);
    assert_eq!(media, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(text.contains("waybill_notifications_total{") && text.ends_with("# EOF\n"));
    stop.now();
    let ended = tokio::time::timeout(Duration::from_secs(5), server.task).await;
    ended.unwrap().unwrap();
}

#[tokio::test]
async fn an_admin_port_in_use_is_a_one_line_error_with_the_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let metrics = Metrics::new(METRICS, None, Clock::new().offset());
    let config = config(&["--admin-bind", &address.to_string()]);
    let error = admin::serve(&config, metrics, ReadinessChecks::always(), Stop::new()).unwrap_err();
    let line = runtime::exit::one_line(&error);
    assert!(line.starts_with(&format!("port {} is in use", address.port())), "{line}");
    assert!(line.contains("--admin-bind (WAYBILL_ADMIN_BIND)") && !line.contains('\n'), "{line}");
}
