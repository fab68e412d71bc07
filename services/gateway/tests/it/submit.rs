//! Jobs that are taken.

use contract::{
    job::Job, operation::Add, propagation::TraceParent, result::OperationOutcome, state::JobState,
    topology::RESULTS_BUCKET,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::eventually;

use crate::rig::{JOB, LIMIT, Rig};

#[tokio::test]
async fn a_job_is_stored_before_the_client_has_its_202() {
    let rig = Rig::start().await;
    let answer = rig.post("/v1/jobs", JOB).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let header = |name| answer.headers()[name].to_str().unwrap().to_owned();
    let (location, traceparent) = (header("location"), header("traceparent"));
    let body: Value = answer.json().await.unwrap();
    let id = body["id"].as_str().unwrap();
    assert_eq!(body["state"], "accepted");
    assert_eq!(location, format!("/v1/jobs/{id}"));
    let root: TraceParent = traceparent.parse().unwrap();
    assert_eq!(body["trace_id"], root.trace_hex());

    let message = rig.last_submitted().await;
    let header = |name| message.headers.get(name).unwrap().as_str();
    assert_eq!(message.subject.as_str(), "jobs.submitted.add");
    assert_eq!(header("Nats-Msg-Id"), format!("{id}:0:submitted"));
    assert_eq!(header("ce-id"), format!("{id}:0:submitted"));
    assert_eq!(header("ce-source"), "/waybill/gateway");
    assert_eq!(header("ce-type"), "dev.waybill.job.submitted");
    assert_eq!(header("ce-specversion"), "1.0");
    assert_eq!(header("ce-subject"), id);
    let producer: TraceParent = header("traceparent").parse().unwrap();
    assert_eq!(producer.trace_id, root.trace_id);
    assert_ne!(producer.span_id, root.span_id);
    assert!(message.headers.get("baggage").is_none());
    let job: Job = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!((job.id.to_string().as_str(), job.round), (id, 0));
    assert_eq!(job.spec.operations, [Add { inputs: vec![1.0, 2.0] }.into()]);

    let view = rig.job(job.id).await;
    assert_eq!((view.state, view.name.as_str()), (JobState::Accepted, "sum"));
    assert_eq!(view.trace_id, root.trace_hex());
    assert_eq!(rig.metric(r#"waybill_jobs_submitted_total{kind="add"}"#), Some(1.0));
}

#[tokio::test]
async fn a_job_shows_the_results_of_the_run_that_won() {
    let rig = Rig::start().await;
    let job = rig.submit(JOB).await.id;
    assert_eq!(rig.job(job).await.results, None);
    let results = |value: u32| {
        let result = json!([{"kind": "add", "operation": {"kind": "add", "inputs": [1, 2]}, "value": value}]);
        result.to_string().into()
    };
    let bucket = rig.jetstream.get_key_value(RESULTS_BUCKET).await.unwrap();
    bucket.put(format!("{job}/0.1.0"), results(4)).await.unwrap();
    bucket.put(format!("{job}/0.2.0"), results(3)).await.unwrap();
    let records = rig.records().await;
    let record = records.get(job.to_string()).await.unwrap().unwrap();
    let mut record: Value = serde_json::from_slice(&record).unwrap();
    record["state"] = json!("succeeded");
    record["run"] = json!("0.2.0");
    records.put(job.to_string(), record.to_string().into()).await.unwrap();

    let view = rig.job(job).await;
    assert_eq!(view.state, JobState::Succeeded);
    let result = view.results.unwrap().remove(0).result;
    assert_eq!(result, Some(OperationOutcome::Value(json!(3))));
}

#[tokio::test]
async fn a_job_may_notify_hosts_that_are_public_or_allowed() {
    let rig = Rig::start_with(&["--webhook-allow", "127.0.0.1:9,[::1]:9"]).await;
    for url in ["http://127.0.0.1:9/x", "http://[::1]:9/x", "https://1.1.1.1/x"] {
        let body = json!({
            "name": "notified", "operations": [{"kind": "wait", "seconds": 0}],
            "notify": {"channel": "webhook", "url": url, "on": ["failed"]},
        });
        rig.submit(&body.to_string()).await;
    }
    assert_eq!(rig.submitted().await.messages, 3);
}

#[tokio::test]
async fn concurrently_submitted_jobs_are_all_stored_once() {
    let rig = Rig::start().await;
    let jobs = (0..200).map(|_| rig.submit(JOB));
    let jobs = futures_util::future::join_all(jobs).await;
    let mut ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), rig.submitted().await.messages), (200, 200));
    eventually(LIMIT, "the gauge counts them", async || {
        rig.metric(r#"waybill_jobs{state="accepted"}"#) == Some(200.0)
    })
    .await;
}
