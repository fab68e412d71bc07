//! The full lab in containers: it comes up healthy, and one job is found in every backend.

use std::{fmt::Debug, time::Duration};

use reqwest::Client;
use serde_json::{Value, json};
use testkit::eventually;

use crate::docker::FullLab;

/// How long a signal may take to its backend; the scrape of metrics alone takes five seconds.
const LIMIT: Duration = Duration::from_secs(45);
/// Workers, to see that each one's metrics are read.
const PROCESSORS: u32 = 3;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn a_job_is_found_in_every_backend_of_a_fresh_lab_and_nothing_is_left_behind() {
    let lab = tokio::task::spawn_blocking(|| FullLab::start(PROCESSORS)).await.unwrap();
    let trace_id = submitted(&lab).await;
    the_console_has_the_whole_trace(&lab, &trace_id).await;
    loki_has_its_lines(&lab, &trace_id).await;
    prometheus_has_its_exemplar(&lab, &trace_id).await;
    prometheus_has_every_replica(&lab).await;
    lab.remove();
    assert_eq!(lab.remains(), "", "containers and volumes are gone");
}

async fn submitted(lab: &FullLab) -> String {
    let job = json!({"name": "full lab", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let url = format!("{}/v1/jobs", lab.url("gateway", 8080));
    let answer = Client::new().post(url).json(&job).send().await.unwrap();
    let answer = answer.error_for_status().unwrap().json::<Value>().await.unwrap();
    answer["trace_id"].as_str().unwrap().to_owned()
}

async fn the_console_has_the_whole_trace(lab: &FullLab, trace_id: &str) {
    let url = format!("{}/api/traces/{trace_id}", lab.url("console", 8090));
    found(&url, &[], |answer| {
        let trace = lab_tests::Trace::from_otlp(answer);
        let services = trace.services();
        let whole = services == ["gateway", "ingester", "processor", "notifier"];
        if whole && trace.orphans().is_empty() { Ok(()) } else { Err(services.join(" ")) }
    })
    .await;
}

async fn loki_has_its_lines(lab: &FullLab, trace_id: &str) {
    let url = format!("{}/loki/api/v1/query_range", lab.url("loki", 3100));
    for service in ["ingester", "processor", "notifier"] {
        let query = format!("{{service_name=\"{service}\"}} | trace_id=\"{trace_id}\"");
        found(&url, &[("query", &query)], |answer| some(&answer["data"]["result"])).await;
    }
}

async fn prometheus_has_its_exemplar(lab: &FullLab, trace_id: &str) {
    let url = format!("{}/api/v1/query_exemplars", lab.url("prometheus", 9090));
    let name = format!("{}_bucket", contract::signals::STAGE_DURATION.name);
    let now = prometheus_time(lab).await;
    let (start, end) = (now - 600, now + 600);
    let (start, end) = (start.to_string(), end.to_string());
    let query = [("query", name.as_str()), ("start", &start), ("end", &end)];
    found(&url, &query, |answer| {
        let text = answer["data"].to_string();
        if text.contains(trace_id) { Ok(()) } else { Err(text) }
    })
    .await;
}

async fn prometheus_has_every_replica(lab: &FullLab) {
    let url = format!("{}/api/v1/query", lab.url("prometheus", 9090));
    let query = format!("count({}{{stage=\"processor\"}})", contract::signals::SLOTS.name);
    found(&url, &[("query", &query)], |answer| {
        let count = &answer["data"]["result"][0]["value"][1];
        if count == &json!(PROCESSORS.to_string()) { Ok(()) } else { Err(answer.to_string()) }
    })
    .await;
}

/// Unix seconds, as Prometheus tells them.
async fn prometheus_time(lab: &FullLab) -> i64 {
    let url = format!("{}/api/v1/query?query=time()", lab.url("prometheus", 9090));
    let answer: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let seconds: f64 = answer["data"]["result"][1].as_str().unwrap().parse().unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "seconds of this century")]
    let seconds = seconds as i64;
    seconds
}

fn some(list: &Value) -> Result<(), String> {
    if list.as_array().is_some_and(|list| !list.is_empty()) {
        Ok(())
    } else {
        Err(list.to_string())
    }
}

/// Asks until the answer is as wanted.
async fn found<E: Debug>(
    url: &str,
    query: &[(&str, &str)],
    wanted: impl Fn(&Value) -> Result<(), E>,
) {
    let client = Client::new();
    eventually(LIMIT, &format!("{url} {query:?}"), async || {
        let answer =
            client.get(url).query(query).send().await.map_err(|error| error.to_string())?;
        let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
        wanted(&answer).map_err(|seen| format!("{seen:?}"))
    })
    .await;
}
