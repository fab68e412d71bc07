use serde_json::{Value, json};

use super::*;

fn job(more: &Value) -> JobView {
    let mut job = json!({
        "id": "01a1fe22-cb74-7c05-9ec4-b86491c04741", "name": "x", "kind": "wait", "state": "running",
        "round": 0, "trace_id": "", "attempts": 1, "attempts_max": 4, "interruptions": 0,
        "operations": 1, "accepted_at": "", "times": {"accepted_ms": 0},
    });
    for (field, value) in more.as_object().unwrap() {
        job[field] = value.clone();
    }
    serde_json::from_value(job).unwrap()
}

fn leased(
    worker: &str,
    interruptions: u32,
    silent_ms: u64,
    takeover_in_ms: Option<u64>,
) -> JobView {
    job(&json!({"worker": worker, "interruptions": interruptions, "lease": {
        "worker": worker, "run": interruptions + 1, "running_since": "", "written_at": "",
        "silent_ms": silent_ms, "ack_wait_ms": 10_000, "takeover_in_ms": takeover_in_ms,
    }}))
}

#[test]
fn a_silent_worker_is_counted_down_to_its_take_over_and_told_once() {
    let mut watchman = Watchman::default();
    assert_eq!(watchman.notices(&leased("a-1", 0, 900, None)), None);
    let silent = leased("a-1", 0, 4_300, Some(5_700));
    let told = "worker a-1 silent for 4 s, take-over in 6 s";
    assert_eq!(watchman.notices(&silent).as_deref(), Some(told));
    assert_eq!(standing(&silent).as_deref(), Some(told));
    let later = leased("a-1", 0, 10_900, Some(0));
    assert_eq!(watchman.notices(&later), None);
    assert_eq!(standing(&later).as_deref(), Some("worker a-1 silent for 10 s, take-over due"));
    let taken = watchman.notices(&leased("a-2", 1, 5, None));
    assert_eq!(taken.as_deref(), Some("taken over by a-2 (interruption 1)"));
    let ended = job(&json!({"state": "succeeded", "interruptions": 2}));
    assert_eq!(watchman.notices(&ended).as_deref(), Some("taken over (interruption 2)"));
    let again = job(&json!({"state": "queued", "round": 1, "interruptions": 0}));
    assert_eq!(watchman.notices(&again), None, "a new round counts from zero");
}

#[test]
fn a_worker_that_was_only_held_up_is_told_to_be_back() {
    let mut watchman = Watchman::default();
    assert!(watchman.notices(&leased("a-1", 0, 5_000, Some(5_000))).is_some());
    let back = watchman.notices(&leased("a-1", 0, 10, None));
    assert_eq!(back.as_deref(), Some("worker a-1 is back"));
    assert_eq!(watchman.notices(&leased("a-1", 0, 20, None)), None);
}

#[test]
fn a_job_that_does_not_run_stands_as_its_gateway_says() {
    let wait = json!({"reason": "slot", "behind": 2});
    let waits = job(&json!({"state": "queued", "waiting": wait}));
    assert_eq!(standing(&waits).as_deref(), Some("waits for a free slot, behind 2 older"));
    assert_eq!(in_short(&waits), standing(&waits));
    assert_eq!(standing(&leased("a-1", 0, 100, None)), None);
    let silent = leased("a-1\u{1b}[2J", 0, 5_000, Some(4_100));
    assert!(!standing(&silent).unwrap().contains('\u{1b}'));
    assert_eq!(in_short(&silent).as_deref(), Some("silent for 5 s, take-over in 5 s"));
}
