//! Submissions that are repeated with the same key.

use contract::{api::JobAccepted, state::JobState};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use testkit::eventually;

use crate::rig::{JOB, LIMIT, Rig, problem};

fn submit(rig: &Rig, key: &str, body: &str) -> RequestBuilder {
    rig.post("/v1/jobs", body.to_owned()).header("Idempotency-Key", key)
}

async fn accepted(request: RequestBuilder) -> JobAccepted {
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, StatusCode::ACCEPTED, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn the_same_key_and_body_are_the_same_job() {
    let rig = Rig::start().await;
    let first = accepted(submit(&rig, "key 1", JOB)).await;
    let records = rig.records().await;
    let record = records.get(first.id.to_string()).await.unwrap().unwrap();
    let mut record: Value = serde_json::from_slice(&record).unwrap();
    record["state"] = json!("running");
    records.put(first.id.to_string(), record.to_string().into()).await.unwrap();

    let spaced = JOB.replace(':', " : ").replace("[1,2]", "[1.0, 2e0]");
    let answer = submit(&rig, "key 1", &spaced).send().await.unwrap();
    assert_eq!(answer.headers()["location"], format!("/v1/jobs/{}", first.id));
    let traceparent = answer.headers()["traceparent"].to_str().unwrap().to_owned();
    let again: JobAccepted = answer.json().await.unwrap();
    assert_eq!((again.id, again.state), (first.id, JobState::Running));
    assert_eq!(again.trace_id, first.trace_id);
    assert!(traceparent.contains(&first.trace_id));
    assert_eq!(rig.submitted().await.messages, 1);
    assert_eq!(rig.metric(r#"waybill_jobs_submitted_total{kind="add"}"#), Some(1.0));

    let other = accepted(submit(&rig, "key 2", JOB)).await;
    assert_ne!(other.id, first.id);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let rig = Rig::start().await;
    accepted(submit(&rig, "k", JOB)).await;
    let other = JOB.replace("[1,2]", "[1,3]");
    problem(submit(&rig, "k", &other).send().await.unwrap(), 422).await;
    assert_eq!(rig.submitted().await.messages, 1);
}

#[tokio::test]
async fn a_key_is_1_to_255_printable_characters() {
    let rig = Rig::start().await;
    for wrong in ["", &"k".repeat(256), "k\u{e4}"] {
        let refused = problem(submit(&rig, wrong, JOB).send().await.unwrap(), 400).await;
        assert!(refused.detail.contains("Idempotency-Key"), "{}", refused.detail);
    }
    let twice = submit(&rig, "a", JOB).header("Idempotency-Key", "b");
    problem(twice.send().await.unwrap(), 400).await;
    rig.holds_nothing().await;
    accepted(submit(&rig, &"k".repeat(255), JOB)).await;
}

#[tokio::test]
async fn of_many_concurrent_requests_with_one_key_only_one_creates_a_job() {
    let rig = Rig::start().await;
    let answers = (0..20).map(|_| submit(&rig, "k", JOB).send());
    let answers = futures_util::future::join_all(answers).await;
    let mut ids = Vec::new();
    for answer in answers.into_iter().map(Result::unwrap) {
        match answer.status() {
            StatusCode::ACCEPTED => ids.push(answer.json::<JobAccepted>().await.unwrap().id),
            StatusCode::CONFLICT => drop(problem(answer, 409).await),
            other => panic!("{other}"),
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), rig.submitted().await.messages), (1, 1));
}

#[tokio::test]
async fn a_key_without_a_stored_job_publishes_the_job_again_after_a_delay() {
    let rig = Rig::start().await;
    let first = accepted(submit(&rig, "k", JOB)).await;
    // As if the gateway had died before it wrote the record.
    rig.lose_record(first.id).await;

    let early = submit(&rig, "k", JOB).send().await.unwrap();
    let wait: u64 = early.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=5).contains(&wait), "{wait}");
    problem(early, 409).await;
    let again = eventually(LIMIT, "the key is old enough", async || {
        let answer = submit(&rig, "k", JOB).send().await.unwrap();
        if answer.status() == StatusCode::CONFLICT { None } else { Some(answer) }
    })
    .await;
    let again: JobAccepted = again.json().await.unwrap();
    assert_eq!((again.id, &again.trace_id), (first.id, &first.trace_id));
    let view = rig.job(first.id).await;
    assert_eq!((view.state, view.trace_id), (JobState::Accepted, first.trace_id));
}

#[tokio::test]
async fn a_job_that_is_published_again_stays_in_its_first_trace() {
    let rig = Rig::start().await;
    let first = accepted(submit(&rig, "k", JOB)).await;
    rig.lose_record(first.id).await;
    // The broker forgets the message id with the stream's restart, as it does for acked messages.
    let stream = rig.jetstream.get_stream("SUBMITTED").await.unwrap();
    let config = stream.cached_info().config.clone();
    rig.jetstream.delete_stream("SUBMITTED").await.unwrap();
    rig.jetstream.create_stream(config).await.unwrap();
    eventually(LIMIT, "it is published again", async || {
        submit(&rig, "k", JOB).send().await.unwrap();
        rig.submitted().await.messages == 1
    })
    .await;
    let message = rig.last_submitted().await;
    assert!(message.headers.get("traceparent").unwrap().as_str().contains(&first.trace_id));
    assert_eq!(message.headers.get("ce-subject").unwrap().as_str(), first.id.to_string());
}
