//! Cancelling jobs, as far as the gateway alone does it.

use contract::{
    api::JobView,
    completion::CompletionEvent,
    state::{JobState, Outcome},
};
use futures_util::StreamExt as _;
use opentelemetry::trace::SpanKind;
use testkit::eventually;

use crate::rig::{JOB, LIMIT, Rig, problem};

async fn cancel(rig: &Rig, id: &str) -> reqwest::Response {
    rig.post(&format!("/v1/jobs/{id}/cancel"), "").send().await.unwrap()
}

async fn taken(answer: reqwest::Response) -> JobView {
    assert_eq!(answer.status(), 202);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_immediately_and_its_completion_is_in_its_trace() {
    let rig = Rig::start().await;
    for state in [JobState::Queued, JobState::Retrying] {
        let job = rig.queued(JOB).await;
        rig.change(job.id, |record| record.state = state).await;
        let view = taken(cancel(&rig, &job.id.to_string()).await).await;
        assert_eq!((view.state, view.round), (JobState::Cancelled, 0));
        assert_eq!(view.failure.unwrap().reason, "cancelled");
        let event = rig.messages("DONE").await.pop().unwrap();
        assert_eq!(event.subject.as_str(), "jobs.done.cancelled");
        let header = |name| event.headers.get(name).unwrap().as_str();
        assert_eq!(header("Nats-Msg-Id"), format!("{}:0:done", job.id));
        assert!(header("traceparent").contains(&view.trace_id));
        let done: CompletionEvent = serde_json::from_slice(&event.payload).unwrap();
        assert_eq!((done.job.id, done.outcome), (job.id, Outcome::Cancelled));
        assert!(
            rig.record(job.id).await.completion_published,
            "its stage need not publish the completion again"
        );
        let request = eventually(LIMIT, "the event links to the request", async || {
            let spans = Rig::spans_of(&view.trace_id);
            let event =
                spans.into_iter().find(|span| span.name == "publish jobs.done.cancelled")?;
            event.links.links.first().map(|link| link.span_context.trace_id().to_string())
        })
        .await;
        let server = Rig::spans_of(&request).into_iter().find(|s| s.span_kind == SpanKind::Server);
        assert_eq!(server.unwrap().name, "POST /v1/jobs/{id}/cancel");
        let again = problem(cancel(&rig, &job.id.to_string()).await, 409).await;
        assert!(again.kind.ends_with("/state-forbids") && again.detail.contains("cancelled"));
    }
    let finished = r#"waybill_jobs_finished_total{kind="add",outcome="cancelled"}"#;
    assert_eq!(rig.metric(finished), Some(2.0));
}

#[tokio::test]
async fn a_small_job_is_cancelled_with_a_completion_before_the_ingester_has_it() {
    let rig = Rig::start().await;
    let job = rig.submit(JOB).await.id;
    assert_eq!(taken(cancel(&rig, &job.to_string()).await).await.state, JobState::Cancelled);
    assert_eq!(rig.messages("DONE").await.len(), 1);
    assert!(rig.record(job).await.completion_published);
    let mut large: serde_json::Value = serde_json::from_str(JOB).unwrap();
    large["operations"] = vec![large["operations"][0].clone(); 60].into();
    let job = rig.submit(&large.to_string()).await.id;
    assert_eq!(taken(cancel(&rig, &job.to_string()).await).await.state, JobState::Cancelled);
    assert_eq!(rig.messages("DONE").await.len(), 1, "its stage publishes the completion");
    assert!(!rig.record(job).await.completion_published);
}

#[tokio::test]
async fn a_cancel_of_a_running_job_is_recorded_and_its_worker_stops_it() {
    let rig = Rig::start().await;
    let job = rig.submit(JOB).await.id;
    rig.change(job, |record| record.state = JobState::Running).await;
    let mut calls = rig.jetstream.client().subscribe("jobs.cancel.*").await.unwrap();
    rig.jetstream.client().flush().await.unwrap();
    let view = taken(cancel(&rig, &job.to_string()).await).await;
    assert_eq!((view.state, view.cancel_requested), (JobState::Running, true));
    assert!(rig.record(job).await.cancel_requested);
    let call = tokio::time::timeout(LIMIT, calls.next()).await.unwrap().unwrap();
    assert_eq!(call.subject.as_str(), format!("jobs.cancel.{job}"));
    let revision = rig.records().await.entry(job.to_string()).await.unwrap().unwrap().revision;
    taken(cancel(&rig, &job.to_string()).await).await;
    let after = rig.records().await.entry(job.to_string()).await.unwrap().unwrap().revision;
    assert_eq!(
        after, revision,
        "requested again, nothing is written: the lease must not look renewed"
    );
    assert!(rig.messages("DONE").await.is_empty(), "its worker publishes the completion");
}

#[tokio::test]
async fn an_ended_or_unknown_job_is_not_cancelled() {
    let rig = Rig::start().await;
    let job = rig.submit(JOB).await.id;
    for state in [JobState::Succeeded, JobState::Failed, JobState::Dead] {
        rig.change(job, |record| record.state = state).await;
        let refused = problem(cancel(&rig, &job.to_string()).await, 409).await;
        assert!(refused.detail.contains(state.name()) && refused.trace_id.is_some());
        assert_eq!(rig.record(job).await.state, state);
    }
    problem(cancel(&rig, "019a0000-0000-7000-8000-000000000000").await, 404).await;
    problem(cancel(&rig, "x").await, 400).await;
    let foreign = rig.post(&format!("/v1/jobs/{job}/cancel"), "").header("origin", "http://evil");
    problem(foreign.send().await.unwrap(), 403).await;
}

#[tokio::test]
async fn a_cancel_that_the_broker_does_not_confirm_says_so() {
    let mut rig = Rig::start().await;
    let job = rig.queued(JOB).await.id;
    rig.nats.kill().await;
    let answer = cancel(&rig, &job.to_string()).await;
    assert!(answer.headers().contains_key("retry-after"));
    assert!(problem(answer, 503).await.kind.ends_with("/unconfirmed"));
    rig.nats.restart().await;
    rig.becomes_ready().await;
    let known = taken(cancel(&rig, &job.to_string()).await).await;
    assert_eq!(known.state, JobState::Cancelled);
}
