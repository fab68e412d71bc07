//! `waybill job cancel|retry|watch` and `waybill open`.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use serde_json::{Value, json};
use testkit::{LabUnderTest, eventually};

use crate::{
    fake::{Answer, FakeGateway},
    program::{Ended, WAYBILL, command, ended, run},
};

const ID: &str = "01a1fe22-cb74-7c05-9ec4-b86491c04741";

async fn lab() -> (LabUnderTest, String) {
    let lab = LabUnderTest::start(Path::new(WAYBILL)).await;
    let at = format!("--port-base {}", lab.ports().gateway);
    (lab, at)
}

fn lines(ended: &Ended) -> Vec<Value> {
    ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn a_job_is_watched_cancelled_and_retried() {
    let (_lab, at) = lab().await;
    let job = run(&format!("job submit --operation wait:60 --json {at}")).await.expect(0).json();
    let id = job["id"].as_str().unwrap().to_owned();
    let watch = tokio::spawn({
        let watch = format!("job watch {id} --json {at}");
        async move { run(&watch).await }
    });
    eventually(Duration::from_secs(10), "it runs", async || {
        run(&format!("job show {id} --json {at}")).await.expect(0).json()["state"] == "running"
    })
    .await;
    let early = run(&format!("job retry {id} {at}")).await.expect(1);
    assert!(early.stderr.contains("(409)"), "{}", early.stderr);
    let end = run(&format!("job cancel {id} --wait --json {at}")).await.expect(0).json();
    assert_eq!(end["state"], "cancelled", "{end:#}");
    let watched = watch.await.unwrap().expect(3);
    let states = lines(&watched);
    assert_eq!(states.last().map(|job| &job["state"]), Some(&"cancelled".into()), "{states:?}");
    assert!(states.windows(2).all(|pair| pair[0] != pair[1]), "{states:?}");

    let late = run(&format!("job cancel {id} {at}")).await.expect(1);
    assert!(late.stderr.contains("(409)"), "{}", late.stderr);
    let again = run(&format!("job retry {id} --json {at}")).await.expect(0).json();
    assert_eq!((&again["round"], &again["trace_id"]), (&1.into(), &job["trace_id"]));
    run(&format!("job cancel {id} --wait {at}")).await.expect(0);
}

#[tokio::test]
async fn watching_a_job_that_succeeds_prints_its_progress_and_exits_with_0() {
    let (_lab, at) = lab().await;
    run(&format!("job submit --operation wait:3 --operation add:1,2 {at}")).await.expect(0);
    let watched = run(&format!("job watch last --json {at}")).await.expect(0);
    let states = lines(&watched);
    assert!(states.iter().any(|job| job["progress"]["part"].as_f64() > Some(0.0)), "{states:?}");
    let seen = run(&format!("job watch last {at}")).await.expect(0).stdout;
    assert!(seen.contains("● succeeded") && seen.contains("wait 3 s"), "{seen}");
}

fn view(state: &str, name: &str) -> Value {
    json!({
        "id": ID, "name": name, "kind": "add", "state": state, "round": 0, "trace_id": "0".repeat(32),
        "attempts": 1, "attempts_max": 4, "interruptions": 0, "operations": 1,
        "accepted_at": "2026-11-21T09:24:05Z", "times": {"accepted_ms": 0},
    })
}

fn problem(status: u16) -> Answer {
    Answer::json(status, &json!({"type": "x", "title": "x", "status": status, "detail": "no more"}))
}

#[tokio::test]
async fn a_watch_polls_if_it_gets_no_event_stream() {
    let looks = AtomicU32::new(0);
    let gateway = FakeGateway::start(move |request| {
        if request.ends_with("/events") {
            return problem(503);
        }
        let state = if looks.fetch_add(1, Relaxed) < 2 { "running" } else { "succeeded" };
        Answer::json(200, &view(state, "x"))
    })
    .await;
    let states = lines(&run(&format!("job watch {ID} --json {}", gateway.at())).await.expect(0));
    let states: Vec<&Value> = states.iter().map(|job| &job["state"]).collect();
    assert_eq!(states, ["running", "succeeded"]);
}

#[tokio::test]
async fn a_stream_that_breaks_is_opened_again() {
    let streams = AtomicU32::new(0);
    let gateway = FakeGateway::start(move |request| {
        if !request.ends_with("/events") {
            return Answer::json(200, &view("running", "x"));
        }
        let state = if streams.fetch_add(1, Relaxed) < 3 { "running" } else { "failed" };
        let body = format!(": hello\n\nevent: state\ndata: {}\n\ndata: half", view(state, "x"));
        Answer { status: 200, media: "text/event-stream", body, after: Duration::ZERO }
    })
    .await;
    // The query after the last stream still returns `running`: the event of the stream takes precedence.
    let states = lines(&run(&format!("job watch {ID} --json {}", gateway.at())).await.expect(3));
    assert_eq!(states.last().unwrap()["state"], "failed", "{states:?}");
}

#[tokio::test]
async fn a_watch_ends_at_its_timeout_or_if_the_job_is_unknown() {
    let gateway = FakeGateway::start(|request| {
        if request.ends_with("/events") {
            problem(503)
        } else {
            Answer::json(200, &view("running", "x"))
        }
    })
    .await;
    let late = run(&format!("job watch {ID} --limit 1 {}", gateway.at())).await.expect(5);
    assert!(late.stderr.contains("has not ended after 1 s"), "{}", late.stderr);
    let gateway = FakeGateway::start(|_| problem(404)).await;
    run(&format!("job watch {ID} {}", gateway.at())).await.expect(1);
}

#[tokio::test]
async fn a_hostile_job_can_neither_control_the_terminal_nor_open_other_urls() {
    let evil = "\u{1b}[2J\u{7}x";
    let gateway = FakeGateway::start(move |request| {
        let mut job = view("failed", evil);
        job["failure"] = json!({"reason": evil, "detail": evil});
        job["worker"] = evil.into();
        if request.starts_with("POST") {
            return Answer::json(202, &job);
        }
        job["trace_id"] = format!("../{evil}").into();
        Answer::json(200, &job)
    })
    .await;
    for tool in ["cancel", "retry", "show", "watch"] {
        let said = run(&format!("job {tool} {ID} {}", gateway.at())).await;
        assert!(
            !said.stdout.contains(['\u{1b}', '\u{7}']) && said.stdout.contains("[2J"),
            "{said:?}"
        );
    }
    let refused = run(&format!("open {ID} {}", gateway.at())).await.expect(1);
    assert!(
        refused.stderr.contains("trace id") && !refused.stderr.contains('\u{1b}'),
        "{refused:?}"
    );
}

#[tokio::test]
async fn open_starts_the_browser_with_the_trace_and_always_prints_the_url() {
    let gateway = FakeGateway::start(|_| Answer::json(200, &view("succeeded", "x"))).await;
    let folder = tempfile::tempdir().unwrap();
    let (browser, opened) = (folder.path().join("browser"), folder.path().join("opened"));
    let script = format!("#!/bin/sh\nprintf %s \"$1\" > '{}'\n", opened.display());
    std::fs::write(&browser, script).unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let at = gateway.at();
    let mut open = command(format!("open {ID} {at}").split_whitespace());
    open.env("BROWSER", &browser);
    let output = ended(open).await.expect(0).stdout;
    assert!(output.trim_end().ends_with(&format!("/traces/{}", "0".repeat(32))), "{output}");
    eventually(Duration::from_secs(10), "the browser has started", async || {
        std::fs::read_to_string(&opened).is_ok_and(|url| url == output.trim_end())
    })
    .await;
    let front = run(&format!("open --print --json {at}")).await.expect(0).json();
    assert!(front["url"].as_str().is_some_and(|url| url.ends_with('/')), "{front}");
    let mut without = command(format!("open {ID} {at}").split_whitespace());
    without.env("BROWSER", "/nowhere/browser");
    let output = ended(without).await.expect(0);
    assert!(
        output.stdout.contains("/traces/") && output.stderr.contains("cannot open a browser"),
        "{output:?}"
    );
}
