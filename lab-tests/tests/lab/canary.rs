//! The canary of an embedded lab: each check finds the telemetry of its job, or reports what is missing. Also the
//! metrics of every process, which the console scrapes.

use std::time::Duration;

use contract::{
    signals::{CANARY_CHECKS, SLOTS, canary},
    state::JobState,
};
use lab::Part;
use lab_tests::{Client, waybill};
use serde_json::{Value, json};
use testkit::{LabUnderTest, eventually};

const LIMIT: Duration = Duration::from_mins(1);

/// The checks of the embedded lab's canary; the others need a backend.
const CHECKS: [&str; 4] = [canary::JOB, canary::TRACE, canary::LOG, canary::EXEMPLAR];

async fn counted(lab: &LabUnderTest, check: &str, outcome: &str) -> f64 {
    let series = format!("{}{{check=\"{check}\",outcome=\"{outcome}\"}}", CANARY_CHECKS.name);
    Client::of(lab).metric(lab.ports().console_admin, &series).await.unwrap_or(f64::NAN)
}

async fn console(lab: &LabUnderTest, path: &str) -> Value {
    let answer = reqwest::get(format!("{}{path}", lab.console_url())).await;
    let answer = answer.and_then(reqwest::Response::error_for_status).expect("the console answers");
    answer.json().await.expect("and it is JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_healthy_lab_every_check_of_every_canary_passes() {
    let lab = LabUnderTest::start_with(&waybill(), |options| options.canary_seconds = 2).await;
    for check in CHECKS {
        eventually(LIMIT, check, async || {
            let passed = counted(&lab, check, canary::PASSED).await;
            if passed >= 3.0 { Ok(()) } else { Err((passed, console(&lab, "/api/canary").await)) }
        })
        .await;
    }
    for check in CHECKS {
        assert!(counted(&lab, check, canary::FAILED).await < 0.5, "{check}");
    }
    let report = console(&lab, "/api/canary").await;
    assert_eq!((&report["every_seconds"], &report["latest"]["passed"]), (&json!(2), &json!(true)));
    let trace = report["latest"]["trace_id"].as_str().expect("it has a trace");
    assert!(Client::of(&lab).trace(trace).await.is_some(), "the reported trace exists");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_telemetry_the_checks_of_the_canary_fail_and_jobs_continue() {
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        // Nothing listens on the port for discarding.
        options.otlp_endpoint = Some("http://127.0.0.1:9".to_owned());
        options.canary_seconds = 2;
        options.env.push(("WAYBILL_CANARY_LIMIT_SECONDS".to_owned(), "4".to_owned()));
    })
    .await;
    for check in [canary::TRACE, canary::LOG] {
        eventually(LIMIT, check, async || {
            let failed = counted(&lab, check, canary::FAILED).await;
            if failed >= 1.0 { Ok(()) } else { Err(console(&lab, "/api/canary").await) }
        })
        .await;
        assert!(counted(&lab, check, canary::PASSED).await < 0.5, "{check}");
    }
    assert!(counted(&lab, canary::JOB, canary::PASSED).await >= 1.0);
    assert!(counted(&lab, canary::JOB, canary::FAILED).await < 0.5);
    let report = console(&lab, "/api/canary").await;
    let checks = report["latest"]["checks"].as_array().expect("a list").clone();
    let trace = checks.iter().find(|check| check["check"] == canary::TRACE).expect("it is checked");
    assert_eq!(trace["missing"], "no span of the trace found");
    let client = Client::of(&lab);
    let job = json!({"name": "all the same", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let accepted = client.submit(&job).await;
    assert_eq!(client.ended(accepted.id, LIMIT).await.state, JobState::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_scrapes_every_process_and_names_an_unreachable_one() {
    let lab = LabUnderTest::start_with(&waybill(), |options| options.processors = 3).await;
    let standing = async |wanted: &[(&str, bool)]| {
        let targets = console(&lab, "/api/metrics/targets").await;
        let seen: Vec<_> = targets["targets"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|target| (target["name"].as_str().unwrap_or_default(), target["up"] == true))
            .map(|(name, up)| (name.to_owned(), up))
            .collect();
        let same = seen.iter().map(|(name, up)| (name.as_str(), *up)).eq(wanted.iter().copied());
        if same { Ok(()) } else { Err(seen) }
    };
    let mut wanted = ["gateway", "ingester", "processor", "processor", "processor", "notifier"]
        .map(|name| (name, true));
    eventually(LIMIT, "all six", async || standing(&wanted).await).await;
    let path = format!("/api/metrics/history?name={}&service=processor", SLOTS.name);
    eventually(LIMIT, "the slots of three processors", async || {
        let series = console(&lab, &path).await["series"].as_array().expect("a list").len();
        if series == 3 { Ok(()) } else { Err(series) }
    })
    .await;
    lab.stop(Part::Processor(2)).await.expect("it runs");
    wanted[3].1 = false;
    eventually(LIMIT, "the second processor to be missed", async || standing(&wanted).await).await;
    lab.start(Part::Processor(2)).await.expect("it is down");
    wanted[3].1 = true;
    eventually(LIMIT, "the second processor to be back", async || standing(&wanted).await).await;
}
