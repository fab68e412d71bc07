//! Runs of a job, from its message to its completion event.

use contract::{
    completion::CompletionEvent,
    event::EventType,
    result::OperationOutcome,
    signals::reason,
    state::{JobState, Outcome},
    topology::{self, DONE},
};
use serde_json::json;

use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_its_operations_in_order_and_its_results_are_in_its_record() {
    let rig = Rig::start().await;
    let operations = json!([
        {"kind": "add", "inputs": [1, 2]},
        {"kind": "multiply", "inputs": [3, 4]},
    ]);
    let job = rig.queue(operations, |_, _| {}).await;
    let record = rig.ended(job).await;
    assert_eq!(record.state, JobState::Succeeded);
    let results = record.results.unwrap();
    let values: Vec<_> = results.iter().map(|result| result.result.clone().unwrap()).collect();
    let expected = [json!(3), json!(12)].map(OperationOutcome::Value);
    assert_eq!(values, expected);
    let events = rig.stage.messages(DONE).await;
    let done: CompletionEvent = serde_json::from_slice(&events[0].payload).unwrap();
    assert_eq!((done.outcome, events.len()), (Outcome::Succeeded, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_past_its_deadline_is_not_started() {
    let rig = Rig::start().await;
    let late = |job: &mut contract::job::Job, _: &mut _| job.deadline_at_ms = Some(1);
    let job = rig.queue(json!([{"kind": "add", "inputs": [1, 2]}]), late).await;
    let record = rig.ended(job).await;
    assert_eq!(record.state, JobState::Failed);
    assert_eq!(record.failure.unwrap().reason, reason::DEADLINE_PASSED);
    assert!(record.results.unwrap().iter().all(|result| result.result.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_whose_cancel_is_accepted_stops_immediately() {
    let rig = Rig::start().await;
    let job = rig.queue(json!([{"kind": "wait", "seconds": 60}]), |_, _| {}).await;
    let running = rig.stage.record_when(job, "it runs", |job| job.state == JobState::Running);
    let mut record = running.await;
    record.cancel_requested = true;
    rig.stage.put_record(&record).await;
    let signal = contract::topology::cancel(job);
    rig.stage.jetstream.client().publish(signal, "".into()).await.unwrap();
    let record = rig.ended(job).await;
    assert_eq!(record.state, JobState::Cancelled);
    assert_eq!(record.failure.unwrap().reason, reason::CANCELLED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_an_ended_job_publishes_the_completion_event_and_runs_nothing() {
    let rig = Rig::start().await;
    let ended = |_: &mut _, record: &mut contract::record::JobRecord| {
        (record.state, record.times.finished_ms) = (JobState::Failed, Some(1));
    };
    let job = rig.queue(json!([{"kind": "add", "inputs": [1, 2]}]), ended).await;
    let record = rig.ended(job).await;
    assert!(record.results.is_none() && record.times.started_ms.is_none());
    assert_eq!(rig.stage.messages(DONE).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_injected_fault_fails_the_runs_that_it_names_and_is_counted() {
    let rig = Rig::start().await;
    let (job, record) = Rig::job(&json!([{"kind": "add", "inputs": [1, 2]}]));
    rig.stage.put_record(&record).await;
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/waybill/ingester"),
        ("ce-type", EventType::Todo.name()),
        ("baggage", "waybill.fault=processor%3Derror%401"),
    ] {
        headers.insert(name, value);
    }
    let subject = topology::todo(job.spec.kind());
    let body = job.to_json().unwrap().into();
    let sent = rig.stage.jetstream.publish_with_headers(subject, headers, body).await;
    sent.unwrap().await.unwrap();
    let record = rig.ended(job.id).await;
    assert_eq!((record.state, record.attempts.processor), (JobState::Succeeded, 1));
    let text = rig.metrics.text();
    assert!(text.contains("waybill_faults_fired_total{fault=\"error\"} 1"), "{text}");
}
