//! Health and metrics of the console itself.

use contract::signals::{HTTP_SERVER_REQUEST_DURATION, TELEMETRY_DROPPED};
use reqwest::StatusCode;

use crate::telemetry::{export, span};
use crate::under_test::{Console, in_time, metrics};

async fn admin(console: &Console, path: &str) -> (StatusCode, String) {
    let url = format!("http://{}{path}", console.running.admin);
    let answer = in_time(console.client.get(url).send()).await.unwrap();
    (answer.status(), in_time(answer.text()).await.unwrap())
}

async fn sample(console: &Console, series: &str) -> Option<f64> {
    let (_, text) = admin(console, "/metrics").await;
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.and_then(|rest| rest.trim().split(' ').next()?.parse().ok())
}

#[tokio::test]
async fn the_console_is_live_and_ready_and_exports_process_metrics() {
    let console = Console::start().await;
    assert_eq!(admin(&console, "/healthz").await.0, StatusCode::OK);
    let (status, body) = admin(&console, "/readyz").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"ready":true,"checks":[]}"#));
    let (_, text) = admin(&console, "/metrics").await;
    assert!(text.contains("process_resident_memory_bytes") && text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn http_metrics_are_labelled_by_route_template_never_by_raw_path() {
    let console = Console::start().await;
    console.page("/").await;
    for path in ["/traces/nonsense-7", "/nowhere-7"] {
        console.any_page(path).await;
    }
    let count = |route: &str, status: u16| {
        format!(
            "{}_count{{http_request_method=\"GET\",http_response_status_code=\"{status}\",http_route=\"{route}\"}}",
            HTTP_SERVER_REQUEST_DURATION.name
        )
    };
    for (route, status) in [("/", 200), ("/traces/{trace_id}", 400), ("unmatched", 404)] {
        assert_eq!(sample(&console, &count(route, status)).await, Some(1.0), "{route}");
    }
    assert!(!admin(&console, "/metrics").await.1.contains("nonsense-7"));
}

#[tokio::test]
async fn rejected_items_are_counted_as_dropped_and_evicted_ones_are_not() {
    let console = Console::with(|config| config.spans_max = 1).await;
    let spans = format!("{}{{signal=\"spans\"}}", TELEMETRY_DROPPED.name);
    for trace in 1..=3 {
        console.send(export("gateway", vec![span(trace, 1, 0, "a")])).await;
    }
    assert_eq!(console.count("spans", "evicted").await, 2);
    assert_eq!(sample(&console, &spans).await, Some(0.0));
    let mut malformed = span(9, 1, 0, "no ids");
    malformed.trace_id.clear();
    let request = prost::Message::encode_to_vec(&export("gateway", vec![malformed]));
    in_time(console.export("traces", "application/x-protobuf", request).send()).await.unwrap();
    assert_eq!(sample(&console, &spans).await, Some(1.0));
}

#[tokio::test]
async fn an_admin_port_in_use_is_an_error_that_names_the_flag() {
    let console = Console::start().await;
    let mut config = console::Config::on_free_ports();
    config.admin.admin_bind = console.running.admin;
    let error = console::start(config, metrics(), console.stop.clone()).await.unwrap_err();
    assert!(format!("{error:#}").contains("--admin-bind"), "{error:#}");
}

#[tokio::test]
async fn the_admin_server_rejects_unknown_host_names() {
    let console = Console::start().await;
    let url = format!("http://{}/metrics", console.running.admin);
    let answer = console.client.get(url).header("host", "evil.example").send();
    assert_eq!(in_time(answer).await.unwrap().status(), StatusCode::MISDIRECTED_REQUEST);
}
