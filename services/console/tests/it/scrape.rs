//! Metrics that the console scrapes itself, from healthy and broken targets.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use contract::Stage;
use contract::propagation::TraceParent;
use contract::signals::{ATTEMPTS, METRICS, QUEUE_WAIT};
use runtime::clock::Clock;
use serde_json::Value;
use telemetry::{Metrics, openmetrics};
use testkit::eventually;
use tokio::net::TcpListener;

use crate::telemetry::trace_hex;
use crate::under_test::{Console, STEP_LIMIT};

/// Media type and text of a target.
type Served = Arc<Mutex<(&'static str, String)>>;

/// A target that serves this media type and text.
pub(crate) async fn target(served: Served) -> SocketAddr {
    let router = Router::new().route(
        "/metrics",
        get(move || async move {
            let (media, text) = served.lock().unwrap().clone();
            ([(CONTENT_TYPE, media)], text)
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// The metrics of a processor.
pub(crate) fn processor() -> Metrics {
    Metrics::new(METRICS, Some(Stage::Processor), Clock::new().offset())
}

/// A console that scrapes these every second.
pub(crate) async fn console_of(targets: &[(&str, SocketAddr)]) -> Console {
    let target = |(name, address): &(&str, SocketAddr)| format!("{name}=http://{address}/metrics");
    let targets = targets.iter().map(target).collect::<Vec<_>>().join(",");
    Console::with(|config| {
        config.scrape.scrape_targets = targets.parse().unwrap();
        config.scrape.scrape_seconds = 1;
    })
    .await
}

/// Serves the current values of these metrics.
pub(crate) fn serve(served: &Served, metrics: &Metrics) {
    *served.lock().unwrap() = (openmetrics::CONTENT_TYPE, metrics.text());
}

async fn history(console: &Console, name: &str) -> Vec<Value> {
    let answer = console.api(&format!("/api/metrics/history?name={name}")).await;
    answer["series"].as_array().unwrap().clone()
}

#[tokio::test]
async fn counters_histograms_and_their_exemplars_arrive_with_a_history() {
    let (metrics, served) = (processor(), Served::default());
    let span = TraceParent { trace_id: 7, span_id: 9, sampled: true };
    metrics.observe_for(&QUEUE_WAIT, &["processor"], 0.3, &telemetry::context::span_context(span));
    metrics.add(&ATTEMPTS, &["processor", "done"], 5);
    serve(&served, &metrics);
    let console = console_of(&[("processor", target(Arc::clone(&served)).await)]).await;
    let attempts = async |wanted: &[f64]| {
        let series = history(&console, ATTEMPTS.name).await;
        let done = series.iter().find(|series| series["labels"]["verdict"] == "done");
        let runs = done.and_then(|series| series["runs"].as_array().cloned()).unwrap_or_default();
        let values: Vec<_> = runs.iter().filter_map(|run| run["value"].as_f64()).collect();
        if values == wanted { Ok(()) } else { Err(values) }
    };
    eventually(STEP_LIMIT, "the first value", async || attempts(&[5.0]).await).await;
    metrics.add(&ATTEMPTS, &["processor", "done"], 2);
    serve(&served, &metrics);
    eventually(STEP_LIMIT, "the second value", async || attempts(&[5.0, 7.0]).await).await;

    let waits = history(&console, QUEUE_WAIT.name).await;
    let exemplar = &waits[0]["exemplars"][0];
    assert_eq!(exemplar["trace_id"], trace_hex(7));
    assert_eq!(exemplar["span_id"], "0000000000000009");
    assert_eq!(
        waits[0]["exemplars"].as_array().unwrap().len(),
        1,
        "a repeated exemplar is stored once"
    );
    assert_eq!(waits[0]["service"], "processor");
    let latest = console.page(&format!("/api/metrics?name={}", QUEUE_WAIT.name)).await;
    assert!(latest.contains(&trace_hex(7)), "the latest point has its exemplars");
    let missing = console.problem("/api/metrics/history").await;
    assert!(missing.1["detail"].as_str().unwrap().contains("name"));
}

#[tokio::test]
async fn two_processes_of_a_service_are_two_series() {
    let (one, other) = (Served::default(), Served::default());
    let (metrics, more) = (processor(), processor());
    metrics.add(&ATTEMPTS, &["processor", "done"], 1);
    more.add(&ATTEMPTS, &["processor", "done"], 2);
    serve(&one, &metrics);
    serve(&other, &more);
    let targets = [("processor", target(one).await), ("processor", target(other).await)];
    let console = console_of(&targets).await;
    eventually(STEP_LIMIT, "both", async || {
        let series = history(&console, ATTEMPTS.name).await;
        let done = series.iter().filter(|series| series["labels"]["verdict"] == "done");
        let mut values: Vec<_> =
            done.filter_map(|series| series["runs"][0]["value"].as_f64()).collect();
        values.sort_by(f64::total_cmp);
        if values == [1.0, 2.0] { Ok(()) } else { Err(values) }
    })
    .await;
}

#[tokio::test]
async fn an_unreachable_or_invalid_target_is_named_with_the_reason_until_it_recovers() {
    let (metrics, served) = (processor(), Served::default());
    serve(&served, &metrics);
    let address = target(Arc::clone(&served)).await;
    let console = console_of(&[("processor", address)]).await;
    let health = async |up: bool, why: &str| {
        let targets = console.api("/api/metrics/targets").await;
        let target = &targets["targets"][0];
        let reason = target["why"].as_str().unwrap_or_default();
        if target["up"] == up && reason.contains(why) { Ok(()) } else { Err(target.clone()) }
    };
    eventually(STEP_LIMIT, "it to be up", async || health(true, "").await).await;
    assert!(console.page("/metrics").await.contains("class=\"pill good\">up"));
    for (media, text, why) in [
        ("text/html", "<html>", "media type `text/html`"),
        (
            openmetrics::CONTENT_TYPE,
            "# TYPE a gauge\na one\n# EOF\n",
            "line 2: a value is not a number",
        ),
        (openmetrics::CONTENT_TYPE, "# TYPE a gauge\na 1\n", "# EOF is missing"),
    ] {
        *served.lock().unwrap() = (media, text.to_owned());
        eventually(STEP_LIMIT, why, async || health(false, why).await).await;
    }
    let page = console.page("/parts/metrics").await;
    assert!(page.contains("No metrics from") && page.contains("# EOF is missing"));
    serve(&served, &metrics);
    eventually(STEP_LIMIT, "it to be up again", async || health(true, "").await).await;
}

#[tokio::test]
async fn a_target_that_never_responds_delays_neither_the_stop_nor_other_targets() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (metrics, served) = (processor(), Served::default());
    serve(&served, &metrics);
    let targets = [("gateway", silent.local_addr().unwrap()), ("processor", target(served).await)];
    let mut console = console_of(&targets).await;
    eventually(STEP_LIMIT, "the other one", async || {
        console.api("/api/metrics/targets").await["targets"][1]["up"] == true
    })
    .await;
    console.stop.cancel();
    let stop = tokio_util::sync::CancellationToken::new();
    let other =
        console::start(console::Config::on_free_ports(), crate::under_test::metrics(), stop);
    let running = std::mem::replace(&mut console.running, other.await.unwrap());
    let ended = tokio::time::timeout(Duration::from_secs(1), running.ended()).await;
    ended.expect("within a second").unwrap();
}
