//! The canary beside parts that behave, misbehave and are away. What the services would send is sent by hand
//! here; `lab-tests` has the same with a whole lab.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use contract::signals::CANARY_CHECKS;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value, json};
use testkit::eventually;
use tokio::net::TcpListener;
use url::Url;

use crate::telemetry::{export, export_logs, line, span, trace_hex};
use crate::under_test::{Console, STEP_LIMIT, in_time};

const JOB: &str = "0192f0c1-2345-7abc-8def-0123456789ab";
const LIMIT_SECONDS: u64 = 2;

/// What the gateway's stand-in answers.
#[derive(Default)]
struct Gateway {
    /// Jobs that were submitted.
    jobs: AtomicU64,
    /// Looks at a job.
    looks: AtomicU64,
    unsampled: bool,
    state: Mutex<&'static str>,
}

async fn listening(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Takes every job, each as trace 1.
async fn gateway(gateway: Arc<Gateway>) -> SocketAddr {
    let taker = Arc::clone(&gateway);
    let take = move |Json(job): Json<Value>| async move {
        assert_eq!(
            (&job["name"], &job["operations"][0]["kind"]),
            (&json!("canary"), &json!("add"))
        );
        taker.jobs.fetch_add(1, Ordering::SeqCst);
        let flags = if taker.unsampled { "00" } else { "01" };
        let body = json!({"id": JOB, "state": "accepted", "trace_id": trace_hex(1)});
        let parent = format!("00-{}-{:016x}-{flags}", trace_hex(1), 1);
        (StatusCode::ACCEPTED, [("traceparent", parent)], Json(body)).into_response()
    };
    let one = move |Path(id): Path<String>| async move {
        gateway.looks.fetch_add(1, Ordering::SeqCst);
        let state = *gateway.state.lock().unwrap();
        Json(json!({
            "id": id, "name": "canary", "kind": "add", "state": state, "round": 0, "trace_id": trace_hex(1),
            "attempts": 1, "attempts_max": 3, "interruptions": 0, "operations": 1,
            "accepted_at": "2026-10-09T08:53:20Z", "times": {"accepted_ms": 0},
        }))
    };
    let list = || async { Json(json!({"jobs": []})) };
    listening(
        Router::new().route("/v1/jobs", post(take).get(list)).route("/v1/jobs/{id}", get(one)),
    )
    .await
}

async fn console_beside(
    gateway: SocketAddr,
    change: impl FnOnce(&mut console::CanaryConfig),
) -> Console {
    Console::with(|config| {
        config.gateway_url = url(gateway);
        config.canary.canary_seconds = 1;
        config.canary.canary_limit_seconds = LIMIT_SECONDS;
        change(&mut config.canary);
    })
    .await
}

fn url(address: SocketAddr) -> Url {
    Url::parse(&format!("http://{address}")).unwrap()
}

/// The spans of a job's way: service, kind, id, parent.
fn way() -> Vec<(&'static str, Span)> {
    let of = |kind: i32, id, parent| Span { kind, ..span(1, id, parent, "way") };
    vec![
        ("gateway", of(2, 1, 0)),
        ("gateway", of(4, 2, 1)),
        ("ingester", of(5, 3, 2)),
        ("ingester", of(4, 4, 3)),
        ("processor", of(5, 5, 4)),
        ("processor", of(4, 6, 5)),
        ("notifier", of(5, 7, 6)),
    ]
}

async fn send_way(console: &Console, but: Option<u64>) {
    for (service, span) in way() {
        if but.is_none_or(|but| span.span_id != but.to_be_bytes()) {
            console.send(export(service, vec![span])).await;
        }
    }
}

async fn send_log(console: &Console) {
    let body = export_logs("processor", vec![line(1, 1, 9, "attempt 1: done")]).encode_to_vec();
    in_time(console.export("logs", "application/x-protobuf", body).send()).await.unwrap();
}

/// The outcome of a check of the latest canary.
async fn check(console: &Console, name: &str) -> Value {
    let answer = console.api("/api/canary").await;
    let checks = answer["latest"]["checks"].as_array().cloned().unwrap_or_default();
    checks.into_iter().find(|check| check["check"] == name).unwrap_or_default()
}

async fn check_is(console: &Console, name: &str, outcome: &str, says: &str) {
    eventually(Duration::from_secs(20), name, async || {
        let check = check(console, name).await;
        let missing = check["missing"].as_str().unwrap_or_default();
        if check["outcome"] == outcome && missing.contains(says) { Ok(()) } else { Err(check) }
    })
    .await;
}

async fn counted(console: &Console, check: &str, outcome: &str) -> Option<f64> {
    let url = format!("http://{}/metrics", console.running.admin);
    let text =
        in_time(in_time(console.client.get(url).send()).await.unwrap().text()).await.unwrap();
    let series = format!("{}{{check=\"{check}\",outcome=\"{outcome}\"}} ", CANARY_CHECKS.name);
    text.lines().find_map(|line| line.strip_prefix(&series))?.parse().ok()
}

#[tokio::test]
async fn a_missing_signal_is_named_until_it_is_found() {
    let stand_in = Arc::new(Gateway { state: Mutex::new("succeeded"), ..Gateway::default() });
    let console = console_beside(gateway(stand_in).await, |_| ()).await;
    assert_eq!(counted(&console, "trace", "failed").await, Some(0.0), "known from the start");
    check_is(&console, "trace", "failed", "no span of the trace").await;
    check_is(&console, "job", "passed", "").await;
    check_is(&console, "exemplar", "failed", "no exemplar").await;
    send_way(&console, Some(7)).await;
    check_is(&console, "trace", "failed", "no span of notifier").await;
    send_log(&console).await;
    check_is(&console, "log", "passed", "").await;
    let page = console.page("/").await;
    assert!(page.contains("class=\"canary failed\"") && page.contains("Its trace in this console"));
    send_way(&console, None).await;
    check_is(&console, "trace", "passed", "").await;
    assert!(counted(&console, "trace", "passed").await >= Some(1.0));
    assert!(counted(&console, "trace", "failed").await >= Some(2.0));
    assert_eq!(counted(&console, "tempo", "failed").await, Some(0.0), "no backend was queried");
}

#[tokio::test]
async fn the_checks_of_an_unsampled_trace_are_skipped() {
    let stand_in =
        Gateway { state: Mutex::new("succeeded"), unsampled: true, ..Gateway::default() };
    let console = console_beside(gateway(Arc::new(stand_in)).await, |_| ()).await;
    check_is(&console, "trace", "skipped", "").await;
    check_is(&console, "exemplar", "skipped", "").await;
    check_is(&console, "log", "failed", "no log line").await;
}

#[tokio::test]
async fn a_job_that_fails_hangs_or_is_refused_is_the_only_failed_check() {
    let stand_in = Arc::new(Gateway { state: Mutex::new("dead"), ..Gateway::default() });
    let console = console_beside(gateway(Arc::clone(&stand_in)).await, |_| ()).await;
    check_is(&console, "job", "failed", "ended as dead").await;
    assert_eq!(check(&console, "trace").await, Value::Null);
    *stand_in.state.lock().unwrap() = "queued";
    check_is(&console, "job", "failed", "still queued").await;

    let refusing = listening(
        Router::new().route(
            "/v1/jobs",
            post(|| async { StatusCode::SERVICE_UNAVAILABLE })
                .get(|| async { Json(json!({"jobs": []})) }),
        ),
    )
    .await;
    let console = console_beside(refusing, |_| ()).await;
    check_is(&console, "job", "failed", "status 503").await;
}

#[tokio::test]
async fn canaries_run_one_at_a_time_and_do_not_delay_the_stop() {
    let stand_in = Arc::new(Gateway { state: Mutex::new("running"), ..Gateway::default() });
    let mut console = console_beside(gateway(Arc::clone(&stand_in)).await, |canary| {
        canary.canary_limit_seconds = 300;
    })
    .await;
    eventually(STEP_LIMIT, "the first", async || stand_in.jobs.load(Ordering::SeqCst) == 1).await;
    // A look every 50 ms: three intervals on, it is still the first that is waited for.
    eventually(STEP_LIMIT * 2, "three intervals", async || {
        let looks = stand_in.looks.load(Ordering::SeqCst);
        if looks >= 60 { Ok(()) } else { Err(looks) }
    })
    .await;
    assert_eq!(stand_in.jobs.load(Ordering::SeqCst), 1);
    console.stop.cancel();
    let stop = tokio_util::sync::CancellationToken::new();
    let other =
        console::start(console::Config::on_free_ports(), crate::under_test::metrics(), stop);
    let running = std::mem::replace(&mut console.running, other.await.unwrap());
    let ended = tokio::time::timeout(Duration::from_secs(1), running.ended()).await;
    ended.expect("within a second").unwrap();
}

#[tokio::test]
async fn backends_are_queried_by_their_apis_and_named_if_a_signal_is_missing() {
    let stand_in = Arc::new(Gateway { state: Mutex::new("succeeded"), ..Gateway::default() });
    let found = Arc::new(Mutex::new(false));
    let backends = listening(backends(Arc::clone(&found))).await;
    let console = console_beside(gateway(stand_in).await, |canary| {
        canary.canary_tempo_url = Some(url(backends));
        canary.canary_loki_url = Some(url(backends));
        canary.canary_prometheus_url = Some(url(backends));
    })
    .await;
    check_is(&console, "tempo", "failed", "Tempo has no span").await;
    check_is(&console, "loki", "failed", "Loki has no log line").await;
    check_is(&console, "prometheus", "failed", "no exemplar of this job").await;
    *found.lock().unwrap() = true;
    for name in ["tempo", "loki", "prometheus"] {
        check_is(&console, name, "passed", "").await;
    }
}

/// Tempo, Loki and Prometheus as their answers were seen to be.
fn backends(found: Arc<Mutex<bool>>) -> Router {
    let is_found = move || *found.lock().unwrap();
    let (tempo, loki, prometheus) = (is_found.clone(), is_found.clone(), is_found);
    let trace = move |Path(id): Path<String>| async move {
        if !tempo() || id != trace_hex(1) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let sent =
            way().into_iter().flat_map(|(name, span)| export(name, vec![span]).resource_spans);
        let all = ExportTraceServiceRequest { resource_spans: sent.collect() };
        ([("content-type", "application/protobuf")], all.encode_to_vec()).into_response()
    };
    let lines = move |query: axum::extract::RawQuery| async move {
        assert!(query.0.unwrap().contains(&trace_hex(1)));
        let result = if loki() { json!([{"values": [["0", "line"]]}]) } else { json!([]) };
        Json(json!({"status": "success", "data": {"resultType": "streams", "result": result}}))
    };
    let exemplars = move || async move {
        let own = json!({"labels": {"trace_id": trace_hex(1)}, "value": "0.1", "timestamp": 1.5});
        let data = if prometheus() {
            json!([{"seriesLabels": {}, "exemplars": [own]}])
        } else {
            json!([])
        };
        Json(json!({"status": "success", "data": data}))
    };
    Router::new()
        .route("/api/traces/{id}", get(trace))
        .route("/loki/api/v1/query_range", get(lines))
        .route("/api/v1/query_exemplars", get(exemplars))
}
