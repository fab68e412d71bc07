//! Redriving and deleting dead letters.

use contract::{
    JobId, Stage,
    api::{Redriven, RedrivenMany},
    completion::CompletionEvent,
    job::Job,
    state::{JobState, Outcome},
};
use opentelemetry::trace::SpanKind;
use serde_json::{Value, json};
use testkit::eventually;

use crate::rig::{DEAD_LETTER_TRACE, JOB, LIMIT, Rig, own_headers, problem};

const TODO: &str = "dev.waybill.job.todo";
const SUBMITTED: &str = "dev.waybill.job.submitted";

async fn redrive(rig: &Rig, seq: u64) -> reqwest::Response {
    rig.post(&format!("/v1/dead-letters/{seq}/redrive"), "").send().await.unwrap()
}

pub(crate) async fn redriven(rig: &Rig, seq: u64) -> Redriven {
    let answer = redrive(rig, seq).await;
    assert_eq!(answer.status(), 202);
    answer.json().await.unwrap()
}

/// A job that died in the processor, and its dead letter.
pub(crate) async fn dead_job(rig: &Rig) -> (Job, u64) {
    let job = rig.queued(JOB).await;
    let body = serde_json::to_vec(&job).unwrap();
    let seq = rig.dead_letter(Stage::Processor, "jobs.todo.add", &own_headers(TODO), body).await;
    rig.change(job.id, |record| {
        record.state = JobState::Dead;
        record.dead_letter = Some(seq);
    })
    .await;
    (job, seq)
}

#[tokio::test]
async fn a_redriven_job_starts_a_new_round_and_its_dead_letter_is_deleted() {
    let rig = Rig::start().await;
    let (job, seq) = dead_job(&rig).await;
    let answer = redriven(&rig, seq).await;
    assert_eq!((answer.stage, answer.job, answer.round), (Stage::Processor, Some(job.id), Some(1)));
    assert_eq!(answer.trace_id.as_deref(), Some(DEAD_LETTER_TRACE));
    let message = rig.messages("TODO").await.pop().unwrap();
    let header = |name| message.headers.get(name).unwrap().as_str();
    assert_eq!(header("Nats-Msg-Id"), format!("{}:1:todo", job.id));
    assert_eq!(header("baggage"), "waybill.scenario=poison", "its faults stay behind");
    let sent: Job = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!((sent.id, sent.round, sent.spec), (job.id, 1, job.spec));
    let record = rig.record(job.id).await;
    assert_eq!((record.state, record.round, record.dead_letter), (JobState::Queued, 1, None));
    assert!(rig.dead_letters().await.is_empty());
    problem(redrive(&rig, seq).await, 404).await;
    let span = eventually(LIMIT, "the new span", async || {
        let spans = Rig::spans_of(DEAD_LETTER_TRACE);
        spans.into_iter().find(|span| {
            let about = span.attributes.iter().find(|a| a.key.as_str() == "waybill.job.id");
            about.is_some_and(|about| about.value.to_string() == job.id.to_string())
        })
    })
    .await;
    assert_eq!((span.name.as_ref(), span.span_kind), ("publish jobs.todo.add", SpanKind::Producer));
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    let words: Vec<String> =
        span.links.iter().map(|link| link.attributes[0].value.to_string()).collect();
    assert_eq!(words, ["redriven_from", "request"]);
}

#[tokio::test]
async fn a_retry_of_a_dead_job_redrives_its_dead_letter() {
    let rig = Rig::start().await;
    let (job, seq) = dead_job(&rig).await;
    assert_eq!(rig.job(job.id).await.dead_letter, Some(seq));
    let answer = rig.post(&format!("/v1/jobs/{}/retry", job.id), "").send().await.unwrap();
    assert_eq!(answer.status(), 202);
    assert!(rig.dead_letters().await.is_empty());
    assert_eq!(rig.record(job.id).await.round, 1);
    // A retry does not need the deleted dead letter.
    rig.change(job.id, |record| {
        record.state = JobState::Dead;
        record.dead_letter = Some(seq);
    })
    .await;
    let answer = rig.post(&format!("/v1/jobs/{}/retry", job.id), "").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), rig.record(job.id).await.round), (202, 2));
}

#[tokio::test]
async fn a_job_whose_record_has_expired_is_known_again() {
    let rig = Rig::start().await;
    let (job, seq) = dead_job(&rig).await;
    rig.lose_record(job.id).await;
    assert_eq!(redriven(&rig, seq).await.round, Some(1));
    let record = rig.record(job.id).await;
    assert_eq!((record.state, record.round), (JobState::Queued, 1));
    assert_eq!(record.trace_id, DEAD_LETTER_TRACE);
}

#[tokio::test]
async fn a_redriven_job_whose_record_had_expired_can_be_retried_when_it_fails_again() {
    let rig = Rig::start().await;
    let small = rig.queued(JOB).await;
    let mut large = rig.queued(JOB).await;
    large.spec.operations = vec![large.spec.operations[0].clone(); 60];
    for job in [small, large] {
        rig.lose_record(job.id).await;
        rig.forget_payload(job.id).await;
        let body = serde_json::to_vec(&job).unwrap();
        let seq =
            rig.dead_letter(Stage::Processor, "jobs.todo.add", &own_headers(TODO), body).await;
        assert_eq!(redriven(&rig, seq).await.round, Some(1));
        rig.change(job.id, |record| record.state = JobState::Failed).await;
        let answer = rig.post(&format!("/v1/jobs/{}/retry", job.id), "").send().await.unwrap();
        assert_eq!(answer.status(), 202, "{}", job.spec.operations.len());
        let message = rig.messages("TODO").await.pop().unwrap();
        let sent: Job = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!((sent.id, sent.round, sent.spec), (job.id, 2, job.spec));
        let header = |name| message.headers.get(name).unwrap().as_str();
        assert!(header("traceparent").contains(DEAD_LETTER_TRACE), "it goes on in its own trace");
        assert_eq!(header("baggage"), "waybill.scenario=poison");
    }
}

#[tokio::test]
async fn of_two_concurrent_redrives_one_succeeds() {
    let rig = Rig::start().await;
    for n in 1..=10 {
        let (_, seq) = dead_job(&rig).await;
        let (one, other) = tokio::join!(redrive(&rig, seq), redrive(&rig, seq));
        let mut statuses = [one.status().as_u16(), other.status().as_u16()];
        statuses.sort_unstable();
        assert!(statuses == [202, 409] || statuses == [202, 404], "{statuses:?}");
        assert_eq!(rig.messages("TODO").await.len(), n);
        assert!(rig.dead_letters().await.is_empty());
    }
}

#[tokio::test]
async fn a_redrive_that_the_broker_deduplicates_is_an_error_and_the_dead_letter_stays() {
    let rig = Rig::start().await;
    let (job, seq) = dead_job(&rig).await;
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", format!("{}:1:todo", job.id));
    let sent = rig.jetstream.publish_with_headers("jobs.todo.add", headers, "x".into()).await;
    sent.unwrap().await.unwrap();
    let refused = problem(redrive(&rig, seq).await, 409).await;
    assert!(refused.kind.ends_with("/already-redriven"), "{refused:?}");
    assert_eq!(rig.dead_letters().await, [seq]);
}

#[tokio::test]
async fn a_dead_letter_whose_job_runs_or_has_succeeded_stays() {
    let rig = Rig::start().await;
    let (job, seq) = dead_job(&rig).await;
    for state in [JobState::Queued, JobState::Running, JobState::Retrying, JobState::Succeeded] {
        rig.change(job.id, |record| record.state = state).await;
        let refused = problem(redrive(&rig, seq).await, 409).await;
        assert!(refused.detail.contains(state.name()), "{refused:?}");
    }
    assert!(rig.dead_letters().await == [seq] && rig.messages("TODO").await.is_empty());
}

#[tokio::test]
async fn a_redriven_completion_notifies_again_and_does_not_change_the_job() {
    let rig = Rig::start().await;
    let job = rig.queued(JOB).await;
    rig.change(job.id, |record| {
        record.state = JobState::Failed;
        record.attempts.notifier = 8;
    })
    .await;
    let done = CompletionEvent {
        job: job.clone(),
        outcome: Outcome::Failed,
        failure: None,
        finished_at_ms: 1,
        run: None,
    };
    let body = serde_json::to_vec(&done).unwrap();
    let headers = own_headers("dev.waybill.job.done");
    let seq = rig.dead_letter(Stage::Notifier, "jobs.done.failed", &headers, body.clone()).await;
    let answer = redriven(&rig, seq).await;
    assert_eq!((answer.stage, answer.job, answer.round), (Stage::Notifier, Some(job.id), None));
    let message = rig.messages("DONE").await.pop().unwrap();
    assert_eq!(message.headers.get("Nats-Msg-Id").unwrap().as_str(), format!("dead-{seq}:redrive"));
    assert_eq!((message.subject.as_str(), message.payload.to_vec()), ("jobs.done.failed", body));
    let record = rig.record(job.id).await;
    assert_eq!((record.state, record.round, record.attempts.notifier), (JobState::Failed, 0, 0));
    assert!(rig.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_redriven_raw_event_is_unchanged_and_is_not_deduplicated() {
    let rig = Rig::start().await;
    let body = br#"{"name":"e","operations":[{"kind":"add","inputs":[1]}]}"#.to_vec();
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "order-1"),
        ("ce-source", "/demo/shop"),
        ("ce-type", SUBMITTED),
        ("ce-subject", "basket"),
        ("x-own", "kept"),
        ("Nats-Msg-Id", "old"),
        ("traceparent", "00-11111111111111111111111111111111-2222222222222222-01"),
    ];
    let seq =
        rig.dead_letter(Stage::Ingester, "jobs.submitted.event", &headers, body.clone()).await;
    let answer = redriven(&rig, seq).await;
    assert_eq!((answer.job, answer.round), (None, None));
    let message = rig.last_submitted().await;
    let header = |name| message.headers.get(name).map(async_nats::HeaderValue::as_str);
    assert_eq!(message.payload.to_vec(), body);
    assert_eq!((header("ce-id"), header("ce-source")), (Some("order-1"), Some("/demo/shop")));
    assert_eq!((header("ce-subject"), header("x-own")), (Some("basket"), Some("kept")));
    assert_eq!(header("waybill-redriven-seq"), Some("77"));
    assert_eq!(header("waybill-redriven-round"), None);
    assert!(header("traceparent").unwrap().contains(DEAD_LETTER_TRACE));
    // One that had become a job starts its next round; and the first place counts, however often it died.
    let job = rig.submit(JOB).await.id;
    rig.change(job, |record| record.state = JobState::Dead).await;
    let id = job.to_string();
    let again = [("dead-letter:ce-subject", id.as_str()), ("waybill-redriven-seq", "5")];
    let headers = [&headers[..], &again[..]].concat();
    let seq = rig.dead_letter(Stage::Ingester, "jobs.submitted.event", &headers, body).await;
    assert_eq!(redriven(&rig, seq).await.round, Some(1));
    let message = rig.last_submitted().await;
    let header = |name| message.headers.get(name).map(async_nats::HeaderValue::as_str);
    assert_eq!(header("waybill-redriven-seq"), Some("5"));
    assert_eq!(header("waybill-redriven-round"), Some("1"));
}

#[tokio::test]
async fn a_dead_letter_that_would_fail_again_is_not_redriven_and_can_be_deleted() {
    let rig = Rig::start().await;
    let own = own_headers(TODO);
    let nothing: [(&str, &str); 0] = [];
    let seqs = [
        rig.dead_letter(Stage::Processor, "jobs.todo.add", &own, b"no job".to_vec()).await,
        rig.dead_letter(Stage::Processor, "jobs.todo.add", &nothing, b"{}".to_vec()).await,
        rig.dead_letter(Stage::Processor, "jobs.done.failed", &own, b"{}".to_vec()).await,
        rig.dead_letter(Stage::Notifier, "jobs.done.failed", &own, b"{}".to_vec()).await,
        rig.dead_letter(Stage::Gateway, "jobs.submitted.add", &own, b"{}".to_vec()).await,
    ];
    for seq in seqs {
        let refused = problem(redrive(&rig, seq).await, 409).await;
        assert!(refused.kind.ends_with("/not-redrivable"), "{refused:?}");
        let url = format!("{}/v1/dead-letters/{seq}", rig.api);
        assert_eq!(rig.http.delete(&url).send().await.unwrap().status(), 204);
        problem(rig.http.delete(&url).send().await.unwrap(), 404).await;
    }
    assert!(rig.dead_letters().await.is_empty());
    for seq in ["0", "x", "-1", "18446744073709551616"] {
        let answer = rig.get(&format!("/v1/dead-letters/{seq}")).send().await.unwrap();
        problem(answer, 400).await;
    }
}

#[tokio::test]
async fn many_are_redriven_by_reason_and_the_rest_stays() {
    let rig = Rig::start().await;
    let mut jobs: Vec<JobId> = Vec::new();
    for _ in 0..5 {
        jobs.push(dead_job(&rig).await.0.id);
    }
    let bad = rig.dead_letter(Stage::Processor, "jobs.todo.add", &[], b"bad".to_vec()).await;
    let other = [("dead-letter:waybill-dead-reason", "malformed")];
    let malformed =
        rig.dead_letter(Stage::Ingester, "jobs.submitted.add", &other, b"bad".to_vec()).await;
    let many = async |body: Value| -> RedrivenMany {
        let answer = rig.post("/v1/dead-letters/redrive", body.to_string()).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    };
    let first = many(json!({"stage": "processor", "reason": "attempts_used_up", "limit": 2})).await;
    assert_eq!((first.redriven, first.failed.len()), (2, 0));
    let rest = many(json!({"stage": "processor", "cursor": first.next_cursor.unwrap()})).await;
    assert_eq!((rest.redriven, rest.failed.len(), rest.next_cursor), (3, 1, None));
    assert_eq!(rest.failed[0].seq, bad);
    assert!(rest.failed[0].kind.ends_with("/not-redrivable"));
    assert_eq!(rig.dead_letters().await, [bad, malformed]);
    for job in jobs {
        assert_eq!(rig.record(job).await.round, 1);
    }
    for (body, field) in [
        (json!({"reason": "bored"}), "reason"),
        (json!({"stage": "mailer"}), "stage"),
        (json!({"limit": 0}), "limit"),
        (json!({"limit": 501}), "limit"),
        (json!({"cursor": "x"}), "cursor"),
        (json!([]), "body"),
    ] {
        let answer = rig.post("/v1/dead-letters/redrive", body.to_string()).send().await.unwrap();
        let refused = problem(answer, 400).await;
        assert!(refused.detail.starts_with(&format!("{field}: ")), "{body}: {refused:?}");
    }
    let listed = async |query: &str| {
        let answer = rig.get(&format!("/v1/dead-letters?{query}")).send().await.unwrap();
        let page: Value = answer.error_for_status().unwrap().json().await.unwrap();
        page["dead_letters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| l["seq"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed("reason=malformed").await, [malformed]);
    assert_eq!(listed("stage=processor").await, [bad]);
}
