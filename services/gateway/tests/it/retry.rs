//! Starting an ended job again.

use contract::{
    api::JobView, job::Job, propagation::TraceParent, record::JobFailure, state::JobState,
};
use opentelemetry::trace::SpanKind;
use testkit::eventually;

use crate::rig::{JOB, LIMIT, Rig, problem};

async fn retry(rig: &Rig, job: contract::JobId) -> reqwest::Response {
    rig.post(&format!("/v1/jobs/{job}/retry"), "").send().await.unwrap()
}

#[tokio::test]
async fn an_ended_job_starts_a_new_round_in_the_same_trace() {
    let rig = Rig::start_with(&["--faults", "on"]).await;
    let sent = rig.post("/v1/jobs", JOB).header("waybill-fault", "processor=error");
    let accepted: contract::api::JobAccepted = sent.send().await.unwrap().json().await.unwrap();
    let job: Job = serde_json::from_slice(&rig.last_submitted().await.payload).unwrap();
    let kept = rig.last_submitted().await;
    let mut headers = async_nats::HeaderMap::new();
    for name in ["traceparent", "baggage"] {
        headers.insert(name, kept.headers.get(name).unwrap().as_str());
    }
    let subject = contract::topology::payload(job.id);
    rig.jetstream
        .publish_with_headers(subject, headers, kept.payload)
        .await
        .unwrap()
        .await
        .unwrap();
    let last = TraceParent {
        trace_id: u128::from_str_radix(&accepted.trace_id, 16).unwrap(),
        span_id: 7,
        sampled: true,
    };
    for (round, state) in [(1, JobState::Failed), (2, JobState::Cancelled), (3, JobState::Dead)] {
        rig.change(job.id, |record| {
            record.state = state;
            record.attempts.processor = 3;
            record.failure = Some(JobFailure::new("work_failed", "it did"));
            record.previous = Some(last);
        })
        .await;
        let answer = retry(&rig, job.id).await;
        assert_eq!(answer.status(), 202);
        let view: JobView = answer.json().await.unwrap();
        assert_eq!((view.state, view.round, view.attempts), (JobState::Queued, round, 0));
        assert_eq!((view.trace_id.as_str(), view.failure), (accepted.trace_id.as_str(), None));
        let message = rig.messages("TODO").await.pop().unwrap();
        let header = |name| message.headers.get(name).unwrap().as_str();
        assert_eq!(message.subject.as_str(), "jobs.todo.add");
        assert_eq!(header("Nats-Msg-Id"), format!("{}:{round}:todo", job.id));
        assert!(header("traceparent").contains(&accepted.trace_id));
        assert!(message.headers.get("baggage").is_none(), "its faults stay behind");
        let sent: Job = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!((sent.round, sent.spec.operations), (round, job.spec.operations.clone()));
        let now_ms = message.time.unix_timestamp() * 1_000;
        assert!(sent.deadline_at_ms.unwrap() > now_ms + 7_000_000, "it has a deadline of its own");
    }
    let spans = eventually(LIMIT, "three new spans", async || {
        let mut spans = Rig::spans_of(&accepted.trace_id);
        spans.retain(|span| span.name == "publish jobs.todo.add");
        if spans.len() == 3 { Ok(spans) } else { Err(spans) }
    })
    .await;
    for span in spans {
        assert_eq!(span.span_kind, SpanKind::Producer);
        assert_eq!(span.parent_span_id.to_string(), "0000000000000007");
        let words: Vec<String> =
            span.links.iter().map(|link| link.attributes[0].value.to_string()).collect();
        assert_eq!(words, ["previous_attempt", "request"]);
    }
}

#[tokio::test]
async fn a_job_that_has_not_ended_or_has_succeeded_is_not_started_again() {
    let rig = Rig::start().await;
    let job = rig.queued(JOB).await.id;
    for state in [
        JobState::Accepted,
        JobState::Queued,
        JobState::Running,
        JobState::Retrying,
        JobState::Succeeded,
    ] {
        rig.change(job, |record| record.state = state).await;
        let refused = problem(retry(&rig, job).await, 409).await;
        assert!(refused.kind.ends_with("/state-forbids"), "{refused:?}");
    }
    assert!(rig.messages("TODO").await.is_empty());
    problem(retry(&rig, "019a0000-0000-7000-8000-000000000000".parse().unwrap()).await, 404).await;
}

#[tokio::test]
async fn a_retry_of_a_job_without_a_spec_is_refused() {
    let rig = Rig::start().await;
    let job = rig.submit(JOB).await.id;
    rig.change(job, |record| (record.state, record.inline_spec) = (JobState::Failed, None)).await;
    let refused = problem(retry(&rig, job).await, 409).await;
    assert!(refused.kind.ends_with("/payload-forgotten"), "{refused:?}");
    assert_eq!(rig.record(job).await.round, 0);
}

#[tokio::test]
async fn of_two_concurrent_retries_one_succeeds() {
    let rig = Rig::start().await;
    for _ in 0..10 {
        let job = rig.queued(JOB).await.id;
        rig.change(job, |record| record.state = JobState::Failed).await;
        let (one, other) = tokio::join!(retry(&rig, job), retry(&rig, job));
        let mut statuses = [one.status().as_u16(), other.status().as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 409]);
        assert_eq!(rig.record(job).await.round, 1);
    }
    assert_eq!(rig.messages("TODO").await.len(), 10);
}
