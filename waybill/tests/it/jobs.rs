//! Submitting jobs to a real lab and waiting for their end.

use std::path::Path;

use serde_json::Value;
use testkit::LabUnderTest;
use trace::completeness;

use crate::program::{Ended, WAYBILL, command, ended, run};

async fn lab() -> LabUnderTest {
    LabUnderTest::start(Path::new(WAYBILL)).await
}

fn at(lab: &LabUnderTest) -> String {
    format!("--port-base {}", lab.ports().gateway)
}

async fn submit(lab: &LabUnderTest, arguments: &str) -> Ended {
    run(&format!("job submit {arguments} {}", at(lab))).await
}

#[tokio::test]
async fn every_preset_has_the_documented_outcome_and_a_complete_trace() {
    let lab = lab().await;
    let presets = [("single", 0, 1), ("multiple", 0, 1), ("error", 3, 1), ("flaky", 0, 3)];
    for (preset, code, attempts) in presets {
        let job =
            submit(&lab, &format!("--preset {preset} --trace --json")).await.expect(code).json();
        let state = if code == 0 { "succeeded" } else { "failed" };
        assert_eq!((&job["state"], &job["name"]), (&state.into(), &preset.into()), "{job:#}");
        let found = completeness(&job["trace"]);
        assert!(found.is_complete(), "{preset}: {found}: {job:#}");
        assert_eq!(
            consumers_of(&job["trace"], "process jobs.todo."),
            attempts,
            "{preset}: {job:#}"
        );
    }
}

fn consumers_of(trace: &Value, name: &str) -> usize {
    let trace = trace::Trace::from_otlp(trace);
    trace.spans.iter().filter(|span| span.name.starts_with(name)).count()
}

#[tokio::test]
async fn json_has_the_same_shape_with_and_without_waiting() {
    let lab = lab().await;
    let accepted = submit(&lab, "--json").await.expect(0).json();
    let waited =
        submit(&lab, "--json --wait --operation add:40,2 --name forty-two").await.expect(0).json();
    for job in [&accepted, &waited] {
        assert!(job["id"].is_string() && job["state"].is_string(), "{job:#}");
        assert_eq!(job["trace_id"].as_str().map(str::len), Some(32), "{job:#}");
    }
    assert_eq!(
        (&waited["results"][0]["value"], &waited["name"]),
        (&42.into(), &"forty-two".into())
    );
    assert!(waited["trace"].is_null(), "{waited:#}");

    let list = run(&format!("job list --limit 1 --json {}", at(&lab))).await.expect(0).json();
    assert_eq!(list["jobs"][0]["id"], waited["id"]);
    let shown = run(&format!("job show last --json {}", at(&lab))).await.expect(0).json();
    assert_eq!(shown["id"], waited["id"]);
    let id = waited["id"].as_str().unwrap();
    let shown = run(&format!("job show {} --json {}", &id[id.len() - 12..], at(&lab)))
        .await
        .expect(0)
        .json();
    assert_eq!(shown["id"], waited["id"]);
}

#[tokio::test]
async fn text_output_has_state_results_and_a_waterfall_without_escape_codes_in_a_pipe() {
    let lab = lab().await;
    let seen = submit(&lab, "--preset flaky --trace --width 120").await.expect(0).stdout;
    for text in ["succeeded after", "3 of 4", "42", "#1 retry ERROR", "#3 done", "┈┈ queue wait"]
    {
        assert!(seen.contains(text), "{text}: {seen}");
    }
    assert!(!seen.contains('\u{1b}'), "{seen}");
    let list = run(&format!("job list {}", at(&lab))).await.expect(0).stdout;
    assert!(
        list.lines().any(|line| line.contains("succeeded") && line.ends_with("flaky")),
        "{list}"
    );
}

#[tokio::test]
async fn a_refusal_is_reported_with_the_detail_of_the_gateway() {
    let lab = lab().await;
    let cases = [
        ("--attempts 99", "attempts_max: must be 1 to 20"),
        ("--fault nonsense", "a fault is STAGE=KIND"),
        ("--notify http://127.0.0.1:9/x", "notify.url"),
    ];
    for (flags, said) in cases {
        let refused = submit(&lab, flags).await.expect(1);
        assert!(refused.stderr.contains(said), "{flags}: {}", refused.stderr);
        assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    }
}

#[tokio::test]
async fn a_key_makes_a_submission_repeatable() {
    let lab = lab().await;
    let first = submit(&lab, "--idempotency-key k1 --json").await.expect(0).json();
    let again = submit(&lab, "--idempotency-key k1 --json").await.expect(0).json();
    assert_eq!(first["id"], again["id"]);
    let other = submit(&lab, "--idempotency-key k1 --preset error").await.expect(1);
    assert!(other.stderr.contains("(422)"), "{}", other.stderr);
}

#[tokio::test]
async fn a_wait_that_times_out_prints_the_state_of_the_job() {
    let lab = lab().await;
    let late = submit(&lab, "--operation wait:30 --wait --wait-limit 1").await.expect(5);
    assert!(late.stdout.contains("running"), "{}", late.stdout);
    assert!(late.stderr.contains("still running after 1 s"), "{}", late.stderr);
}

#[tokio::test]
async fn applying_the_topology_again_changes_nothing() {
    let lab = lab().await;
    let apply = format!("topology apply --json --nats-url {}", lab.nats_url());
    let (once, again) = (run(&apply).await.expect(0).json(), run(&apply).await.expect(0).json());
    assert_eq!(once, again);
    let applied: Vec<_> = once["applied"].as_array().into_iter().flatten().collect();
    assert!(
        applied.contains(&&"stream SUBMITTED".into()) && applied.contains(&&"bucket JOBS".into())
    );
    assert_eq!(submit(&lab, "--wait --json").await.expect(0).json()["state"], "succeeded");
}

#[tokio::test]
async fn a_lab_is_found_by_urls_too() {
    let lab = lab().await;
    let mut by_url = command(["job", "submit", "--wait", "--trace", "--json"]);
    by_url
        .env("WAYBILL_GATEWAY_URL", lab.gateway_url())
        .env("WAYBILL_CONSOLE_URL", lab.console_url());
    assert_eq!(ended(by_url).await.expect(0).json()["state"], "succeeded");
}
