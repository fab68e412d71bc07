//! `waybill load` against a real lab, and against slow fake gateways.

use std::{collections::BTreeMap, path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testkit::{LabUnderTest, Seed};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use crate::{
    fake::{Answer, FakeGateway},
    program::{WAYBILL, command, run},
};

async fn lab() -> LabUnderTest {
    LabUnderTest::start(Path::new(WAYBILL)).await
}

fn at(lab: &LabUnderTest) -> String {
    format!("--port-base {}", lab.ports().gateway)
}

fn number(json: &Value, path: &str) -> u64 {
    json.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {path}: {json:#}"))
}

fn sum(json: &Value, within: &str, names: &[&str]) -> u64 {
    names.iter().map(|name| number(json, &format!("{within}/{name}"))).sum()
}

/// The number of jobs of a load in each state, according to the gateway's list.
async fn by_state(lab: &LabUnderTest) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for state in
        ["accepted", "queued", "running", "retrying", "succeeded", "failed", "dead", "cancelled"]
    {
        let list = run(&format!("job list --limit 500 --state {state} --json {}", at(lab))).await;
        let list = list.expect(0).json();
        let jobs = list["jobs"].as_array().expect("a list").iter();
        let ours =
            jobs.filter(|job| job["name"].as_str().is_some_and(|name| name.starts_with("load ")));
        found.insert(state.to_owned(), ours.count() as u64);
    }
    found
}

#[tokio::test]
async fn every_job_and_event_of_a_load_is_accounted_for() {
    let lab = lab().await;
    let Seed(seed) = Seed::pick();
    let flags = "--jobs 500 --rate 250 --malformed 5% --foreign 0.05 --json \
                 --fault processor=error@1 --fault-share 0.05 --kinds add=5,primes=1,wait=1,fail=1,mixed=1";
    let report = run(&format!("load {flags} --seed {seed} {}", at(&lab))).await.expect(0).json();
    assert_eq!(number(&report, "/seed"), seed);
    for class in ["/jobs", "/events/malformed", "/events/foreign"] {
        let answered = sum(&report, class, &["accepted", "refused", "unanswered"]);
        assert_eq!(number(&report, &format!("{class}/sent")), answered, "{class}: {report:#}");
    }
    let sent = ["/jobs/sent", "/events/malformed/sent", "/events/foreign/sent"];
    let sent: u64 = sent.iter().map(|path| number(&report, path)).sum();
    assert_eq!(sent + number(&report, "/left_out"), 500, "{report:#}");
    let accepted = number(&report, "/jobs/accepted");
    let ended = sum(&report, "/jobs", &["succeeded", "failed", "dead", "cancelled"]);
    assert!(accepted > 300 && accepted == ended, "{report:#}");
    assert!(number(&report, "/jobs/failed") > 0, "{report:#}");
    assert_eq!(
        number(&report, "/end_to_end_ms/count") + number(&report, "/clocks_disagree"),
        ended
    );
    let rejected = number(&report, "/events/rejected");
    assert!(
        rejected > 0 && rejected == number(&report, "/events/malformed/accepted"),
        "{report:#}"
    );
    let discarded = number(&report, "/events/discarded");
    assert!(
        discarded > 0 && discarded == number(&report, "/events/foreign/accepted"),
        "{report:#}"
    );
    assert!(number(&report, "/records_read") < 6 * accepted, "{report:#}");

    let listed = by_state(&lab).await;
    for state in ["succeeded", "failed", "dead", "cancelled"] {
        assert_eq!(listed[state], number(&report, &format!("/jobs/{state}")), "{listed:?}");
    }
    assert_eq!(listed.values().sum::<u64>(), accepted, "{listed:?}");
}

#[tokio::test]
async fn unfinished_jobs_are_reported_with_exit_code_5() {
    let lab = lab().await;
    let flags = "--jobs 3 --clients 3 --kinds add --fault processor=latency:30000@1 --wait-limit 1";
    let late = run(&format!("load {flags} --json {}", at(&lab))).await.expect(5);
    let report = late.json();
    assert_eq!(sum(&report, "/jobs", &["unfinished"]), 3, "{report:#}");
    assert_eq!(report["jobs"]["unfinished_ids"].as_array().map(Vec::len), Some(3));
    assert!(late.stderr.contains("did not end within"), "{}", late.stderr);
    assert_eq!(number(&report, "/jobs/missing"), 0, "{report:#}");
}

#[tokio::test]
async fn an_interrupted_load_waits_for_its_jobs_and_prints_the_summary() {
    let lab = lab().await;
    let mut load = command([
        "load",
        "--minutes",
        "5",
        "--burst",
        "1..3",
        "--pause",
        "10ms..50ms",
        "--kinds",
        "add",
    ]);
    load.args(["--port-base", &lab.ports().gateway.to_string()]);
    let mut load = load.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(load.stdout.take().unwrap());
    let mut seed = String::new();
    stdout.read_line(&mut seed).await.unwrap();
    assert!(seed.starts_with("seed "), "{seed}");
    testkit::eventually(Duration::from_secs(20), "some jobs were sent", async || {
        by_state(&lab).await.values().sum::<u64>() > 10
    })
    .await;
    let pid = Pid::from_raw(load.id().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let mut summary = String::new();
    stdout.read_to_string(&mut summary).await.unwrap();
    assert_eq!(load.wait().await.unwrap().code(), Some(130), "{summary}");
    assert!(summary.contains("interrupted") && summary.contains("0 unfinished"), "{summary}");
}

/// A gateway that accepts each job after `after`.
async fn slow(after: Duration) -> FakeGateway {
    FakeGateway::start(move |request| match request.split('?').next() {
        Some("POST /v1/jobs") => {
            let id = "01a1fe22-cb74-7c05-9ec4-b86491c04741";
            let body = json!({"id": id, "state": "accepted", "trace_id": "0".repeat(32)});
            Answer { after, ..Answer::json(202, &body) }
        }
        Some("GET /v1/dead-letters") => Answer::json(200, &json!({"dead_letters": []})),
        _ => Answer::json(404, &json!({"type": "x", "title": "x", "status": 404, "detail": "x"})),
    })
    .await
}

#[tokio::test]
async fn a_slow_gateway_is_measured_without_coordinated_omission() {
    let gateway = slow(Duration::from_millis(100)).await;
    let flags = "--jobs 20 --rate 100 --in-flight 1 --wait-limit 0 --kinds add --json";
    let report = run(&format!("load {flags} {}", gateway.at())).await.expect(5).json();
    // Each response takes 100 ms; the last job is due after 190 ms and gets its response after two seconds.
    let max = report["accept_ms"]["max"].as_f64().unwrap();
    assert!(max > 1_500.0, "{report:#}");
    assert_eq!(number(&report, "/accept_ms/count"), 20, "{report:#}");
}

#[tokio::test]
async fn items_that_are_still_due_at_the_end_are_not_sent_and_counted() {
    let gateway = slow(Duration::from_millis(300)).await;
    let flags = "--seconds 1 --rate 50 --in-flight 1 --wait-limit 0 --kinds add --json";
    let report = run(&format!("load {flags} {}", gateway.at())).await.expect(5).json();
    let (sent, left_out) = (number(&report, "/jobs/sent"), number(&report, "/left_out"));
    assert!(sent + left_out == 50 && left_out > 30, "{report:#}");
}

#[tokio::test]
async fn a_load_whose_jobs_are_all_refused_fails() {
    let gateway = FakeGateway::start(|request| match request.split('?').next() {
        Some("GET /v1/dead-letters") => Answer::json(200, &json!({"dead_letters": []})),
        _ => {
            Answer::json(503, &json!({"type": "x", "title": "x", "status": 503, "detail": "full"}))
        }
    })
    .await;
    let flags = "--jobs 3 --rate 100 --repeat 1 --kinds add --json";
    let refused = run(&format!("load {flags} {}", gateway.at())).await.expect(1);
    let report = refused.json();
    assert_eq!((&report["refused"], number(&report, "/repeated")), (&json!({"503": 3}), 3));
    assert!(
        refused.stderr.contains("the lab accepted none of the jobs and events"),
        "{}",
        refused.stderr
    );
}
