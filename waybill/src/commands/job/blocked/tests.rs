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
fn a_silent_worker_is_reported_once_and_counted_down_to_its_take_over() {
    let mut lease_watch = LeaseWatch::default();
    assert_eq!(lease_watch.change(&leased("a-1", 0, 900, None)), None);
    let silent = leased("a-1", 0, 4_300, Some(5_700));
    let text = "worker a-1 silent for 4 s, take-over in 6 s";
    assert_eq!(lease_watch.change(&silent).as_deref(), Some(text));
    assert_eq!(reason(&silent).as_deref(), Some(text));
    let later = leased("a-1", 0, 10_900, Some(0));
    assert_eq!(lease_watch.change(&later), None);
    assert_eq!(reason(&later).as_deref(), Some("worker a-1 silent for 10 s, take-over due"));
    let taken = lease_watch.change(&leased("a-2", 1, 5, None));
    assert_eq!(taken.as_deref(), Some("taken over by a-2 (interruption 1)"));
    let ended = job(&json!({"state": "succeeded", "interruptions": 2}));
    assert_eq!(lease_watch.change(&ended).as_deref(), Some("taken over (interruption 2)"));
    let again = job(&json!({"state": "queued", "round": 1, "interruptions": 0}));
    assert_eq!(lease_watch.change(&again), None, "a new round counts from zero");
}

#[test]
fn a_worker_that_resumes_is_reported_once() {
    let mut lease_watch = LeaseWatch::default();
    assert!(lease_watch.change(&leased("a-1", 0, 5_000, Some(5_000))).is_some());
    let back = lease_watch.change(&leased("a-1", 0, 10, None));
    assert_eq!(back.as_deref(), Some("worker a-1 is back"));
    assert_eq!(lease_watch.change(&leased("a-1", 0, 20, None)), None);
}

#[test]
fn a_waiting_job_shows_the_reason_of_the_gateway() {
    let wait = json!({"reason": "slot", "behind": 2});
    let waits = job(&json!({"state": "queued", "waiting": wait}));
    assert_eq!(reason(&waits).as_deref(), Some("waits for a free slot, behind 2 older"));
    assert_eq!(short_reason(&waits), reason(&waits));
    assert_eq!(reason(&leased("a-1", 0, 100, None)), None);
    let silent = leased("a-1\u{1b}[2J", 0, 5_000, Some(4_100));
    assert!(!reason(&silent).unwrap().contains('\u{1b}'));
    assert_eq!(short_reason(&silent).as_deref(), Some("silent for 5 s, take-over in 5 s"));
}
