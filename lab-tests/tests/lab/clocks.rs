//! A service with a wrong clock: its effect on traces and queue waits, and the correction by the time server.

use std::time::Duration;

use contract::{
    signals::{self, attr},
    state::JobState,
};
use lab::Part;
use lab_tests::{Client, TraceUnderTest, waybill};
use runtime::clock::TimeSource;
use serde_json::json;
use testkit::{LabUnderTest, eventually};
use trace::Trace;

const LIMIT: Duration = Duration::from_secs(30);
const PUBLISH: &str = "publish jobs.todo.add";
const PROCESS: &str = "process jobs.todo.add";

/// A lab whose processor is five seconds behind.
async fn lab_with_a_slow_clock(source: TimeSource) -> LabUnderTest {
    lab_with_a_wrong_clock(source, "-5s").await
}

async fn lab_with_a_wrong_clock(source: TimeSource, skew: &str) -> LabUnderTest {
    LabUnderTest::start_with(&waybill(), |options| {
        options.clock = source;
        options.part_env.push((Part::Processor(1), "WAYBILL_CLOCK_SKEW".into(), skew.into()));
    })
    .await
}

/// Waits until the processor shows its offset, and whether it is corrected.
async fn measured(lab: &LabUnderTest, client: &Client, corrected: f64) {
    let admin = lab.ports().processor_admin;
    eventually(LIMIT, "the processor's clock to be measured", async || {
        let offset = client.metric(admin, signals::CLOCK_OFFSET.name).await;
        let shown = client.metric(admin, signals::CLOCK_CORRECTED.name).await;
        let right = offset.is_some_and(|offset| (offset + 5.0).abs() < 0.25)
            && shown.is_some_and(|shown| (shown - corrected).abs() < f64::EPSILON);
        right.then_some(()).ok_or_else(|| format!("offset {offset:?}, corrected {shown:?}"))
    })
    .await;
}

/// Runs one job and returns its complete trace.
async fn one_job(client: &Client) -> Trace {
    let job = json!({"name": "timed", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let accepted = client.submit(&job).await;
    assert_eq!(client.ended(accepted.id, LIMIT).await.state, JobState::Succeeded);
    let (trace, ()) = client
        .whole_trace_where(&accepted.trace_id, LIMIT, |trace| {
            trace.only("process jobs.done.succeeded").and(trace.only(PROCESS)).map(drop)
        })
        .await;
    for span in &trace.spans {
        assert!(span.end_ns >= span.start_ns, "{} ends before it starts in\n{trace}", span.name);
    }
    trace
}

/// Queue wait of the processor's message, in milliseconds, from its span.
fn queue_wait(trace: &Trace) -> i64 {
    let wait = trace.the(PROCESS).attribute(attr::QUEUE_WAIT_MS);
    wait.and_then(|wait| wait.parse().ok()).expect("the attempt has its wait")
}

async fn negative_waits(lab: &LabUnderTest, client: &Client) -> Option<f64> {
    let series = format!("{}{{stage=\"processor\"}}", signals::QUEUE_WAIT_NEGATIVE.name);
    client.metric(lab.ports().processor_admin, &series).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_measured_and_consumer_spans_start_before_their_producer_spans() {
    let lab = lab_with_a_slow_clock(TimeSource::System).await;
    let client = Client::of(&lab);
    measured(&lab, &client, 0.0).await;
    let trace = one_job(&client).await;
    let (sent, taken) = (trace.the(PUBLISH), trace.the(PROCESS));
    assert!(taken.start_ns < sent.start_ns, "{} and {}", taken.start_ns, sent.start_ns);
    assert!(taken.is_child_of(sent), "both are in one trace");
    let wait = queue_wait(&trace);
    assert!((-5_000..-3_000).contains(&wait), "{wait} ms");
    assert!(negative_waits(&lab, &client).await >= Some(1.0));
    let offset = client.metric(lab.ports().ingester_admin, signals::CLOCK_OFFSET.name).await;
    assert!(
        offset.is_some_and(|offset| offset.abs() < 0.25),
        "the clock of the other service is right: {offset:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_that_is_corrected_by_the_time_server_has_no_effect_on_traces() {
    let lab = lab_with_a_slow_clock(TimeSource::Ntp).await;
    let client = Client::of(&lab);
    measured(&lab, &client, 1.0).await;
    let trace = one_job(&client).await;
    let (sent, taken) = (trace.the(PUBLISH), trace.the(PROCESS));
    // The rest is the error of one measurement.
    let ahead = sent.start_ns.saturating_sub(taken.start_ns);
    assert!(Duration::from_nanos(ahead) < Duration::from_millis(50), "{ahead} ns\n{trace}");
    let wait = queue_wait(&trace);
    assert!((-50..3_000).contains(&wait), "{wait} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_passes_by_the_time_of_the_broker_even_if_the_worker_has_a_wrong_clock() {
    for skew in ["-1h", "1h"] {
        let lab = lab_with_a_wrong_clock(TimeSource::System, skew).await;
        let client = Client::of(&lab);
        let job = |deadline_seconds: u32, seconds: u32| {
            json!({
                "name": "in time", "deadline_seconds": deadline_seconds,
                "operations": [{"kind": "wait", "seconds": seconds}],
            })
        };
        let (late, early) = (client.submit(&job(2, 8)).await, client.submit(&job(60, 0)).await);
        assert_eq!(client.ended(early.id, LIMIT).await.state, JobState::Succeeded, "{skew}");
        let ended = client.ended(late.id, LIMIT).await;
        let reason = ended.failure.map(|failure| failure.reason);
        assert_eq!((ended.state, reason.as_deref()), (JobState::Failed, Some("deadline_passed")));
    }
}
