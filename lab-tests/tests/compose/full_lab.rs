//! The full lab in containers starts healthy, and one job is found in every backend in time.

use std::time::{Duration, Instant};

use contract::{api::JobAccepted, signals::STAGE_DURATION};
use serde_json::{Value, json};
use trace::{Completeness, Trace};

use crate::{
    backends::Backends,
    docker::{FullLab, Shape, docker},
    memory,
};

/// From `docker compose up` to the first complete trace, log line and exemplar.
const FIRST_SIGNALS_LIMIT: Duration = Duration::from_secs(45);
/// Timeout for Tempo's first edges: it processes spans after a minute and exports every 15 seconds.
const EDGES_LIMIT: Duration = Duration::from_mins(1);
/// Timeout for a new replica to be discovered and scraped.
const REPLICAS_LIMIT: Duration = Duration::from_secs(30);
/// Idle time before memory is measured.
const IDLE: Duration = Duration::from_secs(20);
/// Number of workers, so that the metrics of each are checked.
const PROCESSORS: u32 = 3;
/// Largest image, in megabytes.
const IMAGE_MB_MAX: f64 = 40.0;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn a_job_is_found_in_every_backend_of_a_fresh_lab_in_time_and_nothing_is_left_behind() {
    let shape = Shape::with(PROCESSORS);
    let lab = tokio::task::spawn_blocking(move || FullLab::new(shape)).await.unwrap();
    let started = Instant::now();
    tokio::task::block_in_place(|| lab.up());
    println!("MEASURED: up and healthy after {:.1} s", started.elapsed().as_secs_f64());
    let parts = Backends::of(&lab);
    let job = json!({"name": "full lab", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let job = parts.submit(&job, None).await;
    first_signals(&parts, &job, started).await;
    prometheus_has_every_replica(&parts).await;
    tempo_draws_the_edges(&parts).await;
    println!("MEASURED: image {:.1} MB", image_mb(&lab));
    assert!(image_mb(&lab) <= IMAGE_MB_MAX, "the image is larger than {IMAGE_MB_MAX} MB");
    tokio::time::sleep(IDLE).await;
    tokio::task::block_in_place(|| memory::print_and_check(&lab, "idle"));
    lab.remove();
    assert_eq!(lab.remains(), "", "containers and volumes are gone");
}

/// Waits for all signals concurrently, each within the rest of the budget.
async fn first_signals(parts: &Backends, job: &JobAccepted, started: Instant) {
    let trace_id = &job.trace_id;
    let left = FIRST_SIGNALS_LIMIT.saturating_sub(started.elapsed());
    tokio::join!(
        measured(started, "complete trace in the console", in_console(parts, trace_id, left)),
        measured(started, "complete trace in Tempo", in_tempo(parts, trace_id, left)),
        measured(started, "log lines in Loki", in_loki(parts, trace_id, left)),
        measured(started, "exemplar in Prometheus", in_prometheus(parts, trace_id, left)),
    );
}

/// Prints the time from the start until something was found.
async fn measured(started: Instant, what: &str, seen: impl Future<Output = Judged>) {
    match seen.await {
        Judged::Yes => println!("MEASURED: {what} after {:.1} s", started.elapsed().as_secs_f64()),
        Judged::No => eprintln!("NOT JUDGED: {what}: that part is not here"),
    }
}

/// Whether the signal was found, or its part is not in this lab.
enum Judged {
    Yes,
    No,
}

async fn in_console(parts: &Backends, trace_id: &str, limit: Duration) -> Judged {
    let url = format!("{}/api/traces/{trace_id}", parts.console);
    parts.found(limit, &url, &[], whole).await;
    Judged::Yes
}

async fn in_tempo(parts: &Backends, trace_id: &str, limit: Duration) -> Judged {
    let Some(tempo) = &parts.tempo else { return Judged::No };
    let url = format!("{tempo}/api/v2/traces/{trace_id}");
    parts.found(limit, &url, &[], |answer| whole(&answer["trace"])).await;
    Judged::Yes
}

/// The trace is complete.
fn whole(otlp: &Value) -> Result<(), String> {
    let trace = Trace::from_otlp(otlp);
    let found = Completeness::of(&trace);
    if found.is_complete() { Ok(()) } else { Err(format!("{found}\n{trace}")) }
}

async fn in_loki(parts: &Backends, trace_id: &str, limit: Duration) -> Judged {
    if parts.loki.is_none() {
        return Judged::No;
    }
    for service in ["ingester", "processor", "notifier"] {
        let query = format!("{{service_name=\"{service}\"}} | trace_id=\"{trace_id}\"");
        parts.line(limit, &query).await;
    }
    Judged::Yes
}

async fn in_prometheus(parts: &Backends, trace_id: &str, limit: Duration) -> Judged {
    let url = format!("{}/api/v1/query_exemplars", parts.prometheus);
    let name = format!("{}_bucket", STAGE_DURATION.name);
    let now = parts.now().await;
    let (start, end) = ((now - 600).to_string(), (now + 600).to_string());
    let query = [("query", name.as_str()), ("start", &start), ("end", &end)];
    parts.found(limit, &url, &query, |answer| has_exemplar(answer, trace_id)).await;
    Judged::Yes
}

fn has_exemplar(answer: &Value, trace_id: &str) -> Result<(), String> {
    let series = answer["data"].as_array().into_iter().flatten();
    let mut exemplars =
        series.flat_map(|series| series["exemplars"].as_array().into_iter().flatten());
    let found = exemplars.any(|exemplar| exemplar["labels"]["trace_id"] == trace_id);
    if found { Ok(()) } else { Err(answer["data"].to_string()) }
}

async fn prometheus_has_every_replica(parts: &Backends) {
    let slots = contract::signals::SLOTS.name;
    let query = format!("count({slots}{{stage=\"processor\"}}) == {PROCESSORS}");
    parts.value(REPLICAS_LIMIT, &query).await;
}

/// The edges of Tempo's service graph over messages.
async fn tempo_draws_the_edges(parts: &Backends) {
    if parts.tempo.is_none() {
        eprintln!("NOT JUDGED: the service graph's messaging edges: Tempo is not here");
        return;
    }
    for (client, server) in
        [("gateway", "ingester"), ("ingester", "processor"), ("processor", "notifier")]
    {
        let edge = format!("client=\"{client}\",server=\"{server}\"");
        let kind = "connection_type=\"messaging_system\"";
        let query = format!("traces_service_graph_request_total{{{edge},{kind}}} > 0");
        parts.value(EDGES_LIMIT, &query).await;
    }
}

fn image_mb(lab: &FullLab) -> f64 {
    let config = lab.config();
    let image = config["services"]["gateway"]["image"].as_str().unwrap();
    let bytes = docker(&format!("image inspect --format {{{{.Size}}}} {image}"));
    bytes.trim().parse::<f64>().unwrap() / 1e6
}
