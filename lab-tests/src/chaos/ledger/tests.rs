//! Tests that the ledger detects every kind of violation.

use std::time::Duration;

use contract::{
    JobId, UnknownFields,
    api::JobView,
    job::{Job, JobSpec},
    record::JobRecord,
    state::JobState,
};
use serde_json::json;

use super::{Expected, Findings, Ledger, TraceVerdict};

const NAME: &str = "job 1";
const EXPECTED: Expected = Expected::Succeeded(Some(3.0));

fn id(n: u8) -> JobId {
    JobId::at(Duration::from_millis(1), [n; 10])
}

fn record(id: JobId, state: JobState) -> JobRecord {
    let spec: JobSpec = serde_json::from_value(json!({
        "name": NAME, "operations": [{"kind": "add", "inputs": [1, 2]}],
    }))
    .unwrap();
    let job = Job {
        id,
        round: 0,
        spec,
        accepted_at_ms: 1,
        source: contract::JobSource::Client,
        deadline_at_ms: None,
        unknown: UnknownFields::default(),
    };
    let mut record = JobRecord::accepted(&job, "00".repeat(16));
    record.state = state;
    record.times.finished_ms = state.is_terminal().then_some(5);
    record.run = (state == JobState::Succeeded).then(|| "0.1.0".to_owned());
    record
}

fn view(record: &JobRecord, value: f64) -> JobView {
    let operation = json!({"kind": "add", "inputs": [1, 2]});
    let results = json!([{"operation": operation, "value": value}]);
    let results = (record.state == JobState::Succeeded)
        .then(|| serde_json::from_value(results).expect("results are read"));
    JobView::of(record.clone(), results)
}

/// The findings of a run without violations, after `change`.
fn findings(change: impl FnOnce(&Ledger)) -> Findings {
    let ledger = Ledger::default();
    ledger.submitting(NAME, EXPECTED, true, 0);
    ledger.accepted(NAME, Some(id(1)));
    ledger.record_write(&record(id(1), JobState::Running));
    let ended = record(id(1), JobState::Succeeded);
    assert!(ledger.record_write(&ended));
    ledger.notified(id(1), "1:0:succeeded", "0.1.0");
    ledger.trace_checked(NAME, TraceVerdict::Complete);
    ledger.final_view(id(1), Some(view(&ended, 3.0)));
    change(&ledger);
    ledger.findings()
}

#[test]
fn a_successful_job_has_no_findings() {
    let found = findings(|_| ());
    assert!(found.is_clean(), "{found:?}");
    assert_eq!((found.accepted, found.traces_checked, found.ends["succeeded"]), (1, 1, 1));
}

#[test]
fn repeated_notifications_and_responses_are_counted_and_allowed() {
    let found = findings(|ledger| {
        ledger.notified(id(1), "1:0:succeeded", "0.1.0");
        ledger.accepted(NAME, Some(id(1)));
        let mut published = record(id(1), JobState::Succeeded);
        published.completion_published = true;
        assert!(!ledger.record_write(&published));
    });
    assert!(found.is_clean(), "{found:?}");
    assert_eq!((found.notifications_repeated, found.accepted_repeatedly), (1, 1));
}

#[test]
fn an_accepted_job_that_the_lab_does_not_know_is_lost() {
    let unknown = findings(|ledger| {
        ledger.submitting("gone", EXPECTED, true, 0);
        ledger.accepted("gone", Some(id(9)));
    });
    let event = findings(|ledger| {
        ledger.submitting("gone event", EXPECTED, true, 0);
        ledger.accepted("gone event", None);
    });
    let forgotten = findings(|ledger| ledger.final_view(id(1), None));
    for found in [unknown, event, forgotten] {
        assert_eq!(found.lost.count, 1, "{found:?}");
        assert!(!found.is_clean());
    }
}

#[test]
fn a_job_that_was_never_accepted_cannot_be_lost() {
    let found = findings(|ledger| ledger.submitting("refused", EXPECTED, true, 0));
    assert!(found.is_clean(), "{found:?}");
}

#[test]
fn every_duplicate_effect_is_detected() {
    type Case = (&'static str, fn(&Ledger));
    let cases: [Case; 6] = [
        ("two ids for one key", |ledger| {
            ledger.accepted(NAME, Some(id(2)));
            ledger.final_view(id(2), Some(view(&record(id(2), JobState::Succeeded), 3.0)));
        }),
        ("two jobs of one event", |ledger| {
            ledger.record_write(&record(id(2), JobState::Accepted));
        }),
        ("another end in the same round", |ledger| {
            ledger.record_write(&record(id(1), JobState::Failed));
        }),
        ("the same end written again by another run", |ledger| {
            let mut again = record(id(1), JobState::Succeeded);
            again.run = Some("0.1.1".to_owned());
            ledger.record_write(&again);
        }),
        ("running after its end", |ledger| {
            ledger.record_write(&record(id(1), JobState::Running));
        }),
        ("notifications of two ends", |ledger| ledger.notified(id(1), "1:0:failed", "0.1.0")),
    ];
    for (case, change) in cases {
        assert!(findings(change).duplicate_effects.count >= 1, "{case}");
    }
}

#[test]
fn a_job_without_a_terminal_state_is_detected() {
    let found = findings(|ledger| {
        ledger.final_view(id(1), Some(view(&record(id(1), JobState::Running), 3.0)));
    });
    assert_eq!(found.not_terminal.count, 1);
}

#[test]
fn only_a_job_that_is_expected_to_be_dead_may_be_dead() {
    let findings_of_dead_job = |expected| {
        let ledger = Ledger::default();
        ledger.submitting(NAME, expected, false, 0);
        ledger.accepted(NAME, Some(id(1)));
        let dead = record(id(1), JobState::Dead);
        ledger.record_write(&dead);
        ledger.final_view(id(1), Some(view(&dead, 0.0)));
        ledger.findings()
    };
    assert_eq!(findings_of_dead_job(EXPECTED).unexpectedly_dead.count, 1);
    assert!(findings_of_dead_job(Expected::Dead).is_clean());
}

#[test]
fn a_wrong_value_and_a_wrong_outcome_are_detected() {
    let ended = record(id(1), JobState::Succeeded);
    let found = findings(|ledger| ledger.final_view(id(1), Some(view(&ended, 4.0))));
    assert_eq!(found.wrong_outcome.count, 1);
    let ledger = Ledger::default();
    ledger.submitting(NAME, Expected::Failed, false, 0);
    ledger.accepted(NAME, Some(id(1)));
    ledger.record_write(&ended);
    ledger.final_view(id(1), Some(view(&ended, 3.0)));
    assert_eq!(ledger.findings().wrong_outcome.count, 1);
}

#[test]
fn a_missing_notification_is_detected() {
    let ledger = Ledger::default();
    ledger.submitting(NAME, EXPECTED, true, 0);
    ledger.accepted(NAME, Some(id(1)));
    let ended = record(id(1), JobState::Succeeded);
    ledger.record_write(&ended);
    ledger.final_view(id(1), Some(view(&ended, 3.0)));
    assert_eq!(ledger.not_notified(), [NAME]);
    assert_eq!(ledger.findings().notifications_missing.count, 1);
}

#[test]
fn a_broken_trace_counts_and_an_excused_one_does_not() {
    let broken = findings(|ledger| {
        ledger.trace_checked(NAME, TraceVerdict::Broken("an orphan".to_owned()));
    });
    assert_eq!((broken.traces_checked, broken.traces_incomplete.count), (1, 1));
    let excused = findings(|ledger| ledger.trace_checked(NAME, TraceVerdict::Excused("dropped")));
    assert_eq!((excused.traces_checked, excused.traces_excused["dropped"]), (0, 1));
}

#[test]
fn a_job_that_the_harness_did_not_send_is_detected() {
    let found = findings(|ledger| {
        let mut unknown = record(id(7), JobState::Accepted);
        "not sent".clone_into(&mut unknown.name);
        ledger.record_write(&unknown);
    });
    assert_eq!(found.unknown_jobs.count, 1);
}
