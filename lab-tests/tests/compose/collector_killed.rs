//! The collector is killed: jobs are not affected, accepted telemetry is on its disk, and spans that services had to
//! drop are counted.

use std::time::Duration;

use contract::api::JobAccepted;
use testkit::eventually;
use tokio::task::block_in_place;
use trace::Trace;

use crate::{
    backends::Backends,
    docker::{FullLab, Shape},
    lost_telemetry,
    outages::without_trace,
    steady_load::{Speed, Steady},
};

/// Duration of the baseline measurement.
const BEFORE: Duration = Duration::from_secs(20);
/// Time during which spans are queued on the collector's disk for a stopped backend.
const KEPT: Duration = Duration::from_secs(10);
/// Services export spans every quarter of a second: after this time, the collector has all earlier spans.
const SENT: Duration = Duration::from_secs(2);
/// Downtime of the collector.
const DARK: Duration = Duration::from_secs(30);
/// Timeout for new traces to arrive again.
const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn a_killed_collector_delays_no_job_and_loses_no_accepted_telemetry() {
    let lab = FullLab::started(Shape::with(1)).await;
    let parts = Backends::of(&lab);
    let load = Steady::start(&parts);
    load.go_on(BEFORE).await;
    let before = Speed::of(&parts, &load.since(0).await).await;
    before.is_that_of(before, "before the kill");
    // Stops a backend, so that the collector has queued data.
    block_in_place(|| lab.run(&["stop", "console"]));
    let from = load.count().await;
    load.go_on(KEPT).await;
    let kept = load.since(from).await;
    load.go_on(SENT).await;
    let from = from + kept.len();
    block_in_place(|| lab.run(&["kill", "--signal", "SIGKILL", "otel-collector"]));
    let killed = load.count().await;
    load.go_on(DARK).await;
    let dark = Speed::of(&parts, &load.since(killed).await).await;
    dark.is_that_of(before, "without a collector");
    let start = [
        "up",
        "--detach",
        "--wait",
        "--no-recreate",
        "otel-collector",
        "otel-collector-probe",
        "console",
    ];
    block_in_place(|| lab.run(&start));
    let parts = block_in_place(|| Backends::of(&lab));
    let unsure = load.since(from).await;
    flows_again(&parts, &load).await;
    let later = load.count().await;
    load.go_on(KEPT).await;
    let later = load.since(later).await;
    all_whole(&parts, &kept, "those accepted before the kill").await;
    all_whole(&parts, &later, "those after it").await;
    the_rest_is_counted(&lab, &parts, &unsure, &later).await;
}

/// Waits until the trace of a new job is complete.
async fn flows_again(parts: &Backends, load: &Steady) {
    let url = format!("{}/api/traces", parts.console);
    eventually(LIMIT, "a whole trace after the collector's return", async || {
        let newest = load.since(load.count().await.saturating_sub(20)).await;
        without_trace(parts, &url, &newest[..1]).await.is_empty()
    })
    .await;
}

async fn all_whole(parts: &Backends, jobs: &[JobAccepted], which: &str) {
    let url = format!("{}/api/traces", parts.console);
    let mut open = jobs.to_vec();
    eventually(LIMIT, &format!("whole traces of all {} jobs, {which}", jobs.len()), async || {
        open = without_trace(parts, &url, &open).await;
        if open.is_empty() { Ok(()) } else { Err(open.len()) }
    })
    .await;
}

/// Every missing span of `unsure` is counted as dropped by a service.
async fn the_rest_is_counted(
    lab: &FullLab,
    parts: &Backends,
    unsure: &[JobAccepted],
    whole: &[JobAccepted],
) {
    let mut usual = usize::MAX;
    for job in whole {
        usual = usual.min(spans(parts, job).await);
    }
    let (missing, lost) = eventually(LIMIT, "missing spans to be counted", async || {
        let mut missing = 0;
        for job in unsure {
            missing += usual.saturating_sub(spans(parts, job).await);
        }
        let lost = block_in_place(|| lost_telemetry::by_services(lab, "signal=\"spans\""));
        if missing as f64 <= lost { Ok((missing, lost)) } else { Err((missing, lost)) }
    })
    .await;
    println!(
        "MEASURED: without a collector: {missing} spans of {} jobs are missing; counted: {lost}",
        unsure.len()
    );
    assert!(missing > 0, "no span is missing: was the collector away?");
}

async fn spans(parts: &Backends, job: &JobAccepted) -> usize {
    let url = format!("{}/api/traces/{}", parts.console, job.trace_id);
    Trace::from_otlp(&parts.get(&url, &[]).await.unwrap_or_default()).spans.len()
}
