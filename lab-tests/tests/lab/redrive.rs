//! Redriving dead letters in a whole lab.

use std::time::Duration;

use contract::{
    api::{DeadLetterView, JobView},
    state::JobState,
};
use lab::Part;
use lab_tests::{Client, TraceUnderTest, waybill};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{LabUnderTest, eventually};
use trace::SpanKind;

const LIMIT: Duration = Duration::from_mins(1);

/// Submits a job that is dead-lettered at its first attempt; returns it and its dead letter.
async fn dead(client: &Client) -> (JobView, DeadLetterView) {
    let job = json!({"name": "poison", "attempts_max": 1, "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let id = client.submit_with(&job, &[("waybill-fault", "processor=error")]).await.id;
    let ended = client.ended(id, LIMIT).await;
    assert_eq!(ended.state, JobState::Dead);
    let dead_letters = client.dead_letters().await.dead_letters;
    let dead_letter = dead_letters
        .into_iter()
        .find(|dead_letter| dead_letter.job == Some(id))
        .expect("it has one");
    assert_eq!(ended.dead_letter, Some(dead_letter.seq));
    (ended, dead_letter)
}

async fn redrive(client: &Client, seq: u64) -> (StatusCode, Value) {
    client.order(&format!("dead-letters/{seq}/redrive"), None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_job_is_redriven_in_its_own_trace_and_succeeds() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    let (job, dead_letter) = dead(&client).await;
    let (status, answer) = redrive(&client, dead_letter.seq).await;
    assert_eq!((status, &answer["round"]), (StatusCode::ACCEPTED, &json!(1)));
    assert_eq!(answer["trace_id"], job.trace_id);
    let ended = client.ended_in_round(job.id, 1, LIMIT).await;
    assert_eq!((ended.state, ended.attempts), (JobState::Succeeded, 1));
    assert_eq!(ended.trace_id, job.trace_id);
    assert!(client.dead_letters().await.dead_letters.is_empty());
    assert_eq!(redrive(&client, dead_letter.seq).await.0, StatusCode::NOT_FOUND);
    let retry = client.order(&format!("jobs/{}/retry", job.id), None).await;
    assert_eq!(retry.0, StatusCode::CONFLICT, "a job that succeeded cannot be retried");

    let (trace, ()) = client
        .whole_trace_where(&job.trace_id, LIMIT, |trace| {
            trace.only("process jobs.done.succeeded")?;
            trace.only("publish jobs.dead.processor").map(drop)
        })
        .await;
    let dead = trace.the("publish jobs.dead.processor");
    let again: Vec<_> =
        trace.named("publish jobs.todo.add").filter(|s| s.service == "gateway").collect();
    let [again] = again[..] else { panic!("one redrive\n{trace}") };
    assert_eq!(again.kind, SpanKind::Producer);
    assert!(again.is_child_of(dead));
    assert!(again.links_to(dead), "{trace}");
    let attempts: Vec<_> = trace.named("process jobs.todo.add").collect();
    let [first, second] = attempts[..] else { panic!("two attempts\n{trace}") };
    assert_eq!(second.attribute("waybill.job.round").as_deref(), Some("1"));
    assert!(second.is_child_of(again));
    assert!(second.links_to(first), "the new attempt links to the one before\n{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_survives_a_restart_of_the_broker_and_happens_once() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    let mut jobs = Vec::new();
    for _ in 0..5 {
        jobs.push(dead(&client).await.0.id);
    }
    lab.stop(Part::Processor(1)).await.expect("it runs");
    let body = json!({"reason": "attempts_used_up", "limit": 3});
    let (status, first) = client.order("dead-letters/redrive", Some(&body)).await;
    assert_eq!((status, &first["redriven"]), (StatusCode::OK, &json!(3)));
    lab.stop(Part::Nats).await.expect("it runs");
    lab.start(Part::Nats).await.expect("it starts");
    eventually(LIMIT, "the others to be redriven", async || {
        let (status, rest) = client.order("dead-letters/redrive", Some(&body)).await;
        if status == StatusCode::OK && rest["redriven"] == json!(2) { Ok(()) } else { Err(rest) }
    })
    .await;
    lab.start(Part::Processor(1)).await.expect("it starts");
    for job in &jobs {
        assert_eq!(client.ended_in_round(*job, 1, LIMIT).await.state, JobState::Succeeded);
    }
    assert!(client.dead_letters().await.dead_letters.is_empty());
    for job in jobs {
        let trace_id = client.job(job).await.expect("it is known").trace_id;
        let (trace, ()) = client
            .whole_trace_where(&trace_id, LIMIT, |trace| {
                trace.only("process jobs.done.succeeded").map(drop)
            })
            .await;
        assert_eq!(trace.named("operation add").count(), 1, "one effect\n{trace}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_or_cancelled_job_is_retried_and_its_old_message_has_no_effect() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    let zero = json!({"name": "zero", "operations": [{"kind": "divide", "inputs": [1, 0]}]});
    let failed = client.submit(&zero).await;
    assert_eq!(client.ended(failed.id, LIMIT).await.state, JobState::Failed);
    let (status, view) = client.order(&format!("jobs/{}/retry", failed.id), None).await;
    assert_eq!((status, &view["round"]), (StatusCode::ACCEPTED, &json!(1)));
    assert_eq!(client.ended_in_round(failed.id, 1, LIMIT).await.state, JobState::Failed);
    let (trace, attempts) = client
        .whole_trace_where(&failed.trace_id, LIMIT, |trace| {
            let attempts = trace.named("process jobs.todo.divide").count();
            if attempts == 2 { Ok(attempts) } else { Err(attempts) }
        })
        .await;
    assert_eq!(attempts, 2, "{trace}");

    lab.stop(Part::Processor(1)).await.expect("it runs");
    let add = json!({"name": "sum", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let waiting = client.submit(&add).await.id;
    eventually(LIMIT, "the job to be queued", async || client.job(waiting).await?.times.queued_ms)
        .await;
    for order in ["cancel", "retry"] {
        let (status, view) = client.order(&format!("jobs/{waiting}/{order}"), None).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{view}");
    }
    lab.start(Part::Processor(1)).await.expect("it starts");
    let ended = client.ended_in_round(waiting, 1, LIMIT).await;
    assert_eq!((ended.state, ended.attempts), (JobState::Succeeded, 1));
    let (trace, ()) = client
        .whole_trace_where(&ended.trace_id, LIMIT, |trace| {
            let verdicts = trace.values("process jobs.todo.add", "waybill.verdict");
            if verdicts.len() == 2 && verdicts.contains(&"discard".to_owned()) {
                Ok(())
            } else {
                Err(verdicts)
            }
        })
        .await;
    assert_eq!(trace.named("operation add").count(), 1, "{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redriven_raw_event_is_checked_again_and_not_discarded_as_a_duplicate() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "/demo/shop", "type": "dev.waybill.job.submitted",
        "data": {"name": "too few", "operations": [{"kind": "add", "inputs": [1]}]},
    });
    let (status, _) = client.order("events", Some(&event)).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let mut before = 0;
    for _ in 0..3 {
        let seq = eventually(LIMIT, "a dead letter", async || {
            let dead_letters = client.dead_letters().await.dead_letters;
            match &dead_letters[..] {
                [dead_letter] if dead_letter.seq > before => Ok(dead_letter.seq),
                _ => Err(dead_letters),
            }
        })
        .await;
        before = seq;
        assert_eq!(redrive(&client, seq).await.0, StatusCode::ACCEPTED);
    }
}
