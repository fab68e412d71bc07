//! Jobs whose messages are without_message, as several gateways see them.

use std::time::Duration;

use async_nats::HeaderMap;
use contract::{
    JobId,
    api::JobList,
    completion::CompletionEvent,
    job::Job,
    record::{JobRecord, Lease},
    state::{JobState, Outcome},
    topology::{SUBMITTED, TODO},
};
use testkit::eventually;

use crate::rig::{JOB, LIMIT, Rig};

const ACK_WAIT: Duration = Duration::from_millis(500);
const LOST: &str = "waybill_jobs_lost_total";
const SPAN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

async fn rig() -> Rig {
    let rig = Rig::start().await;
    rig.shorten_ack_wait(ACK_WAIT).await;
    rig
}

fn lease() -> Lease {
    let lease = serde_json::json!({
        "round": 0, "attempt": 1, "run": 0, "worker": "processor-9", "stream_seq": 7, "span": SPAN, "parent": SPAN,
        "started_at_ns": 5, "isolated": false,
    });
    serde_json::from_value(lease).unwrap()
}

/// A job in `state` whose message is nowhere and whose deadline passed `ago_ms` before now.
async fn without_message(rig: &Rig, state: JobState, ago_ms: i64) -> Job {
    let job = rig.queued(JOB).await;
    rig.jetstream.get_stream(SUBMITTED.name).await.unwrap().purge().await.unwrap();
    let now_ms = i64::try_from(job.id.unix_ms()).unwrap();
    rig.change(job.id, |record: &mut JobRecord| {
        record.state = state;
        record.deadline_at_ms = Some(now_ms - ago_ms);
        record.lease = (state == JobState::Running).then(lease);
    })
    .await;
    job
}

/// Puts the job's message into the queue of jobs to be done.
async fn queue(rig: &Rig, job: JobId) {
    let mut headers = HeaderMap::new();
    headers.insert("ce-subject", job.to_string());
    let sent = rig.jetstream.publish_with_headers("jobs.todo.add", headers, "{}".into()).await;
    sent.unwrap().await.unwrap();
}

async fn becomes_dead(rig: &Rig, job: JobId) -> JobRecord {
    eventually(LIMIT, "the job to be lost", async || {
        let record = rig.record(job).await;
        if record.state == JobState::Dead && record.completion_published {
            Ok(record)
        } else {
            Err(record.state)
        }
    })
    .await
}

async fn stuck(rig: &Rig) -> Vec<JobId> {
    let answer = rig.get("/v1/jobs?stuck=true").send().await.unwrap().error_for_status().unwrap();
    answer.json::<JobList>().await.unwrap().jobs.into_iter().map(|job| job.id).collect()
}

#[tokio::test]
async fn several_gateways_end_each_lost_job_once_and_no_other() {
    let rig = rig().await;
    let others = async {
        let ended = tokio::join!(rig.another_on("127.0.0.1:0"), rig.another_on("127.0.0.1:0"));
        panic!("a gateway ended: {ended:?}");
    };
    let test = async {
        let mut lost = Vec::new();
        for state in [JobState::Accepted, JobState::Queued, JobState::Retrying, JobState::Running] {
            lost.push((without_message(&rig, state, 60_000).await, state));
        }
        let (waits, early) = (
            without_message(&rig, JobState::Queued, 60_000).await.id,
            without_message(&rig, JobState::Queued, -3_600_000).await.id,
        );
        queue(&rig, waits).await;
        for (job, state) in &lost {
            let record = becomes_dead(&rig, job.id).await;
            let failure = record.failure.unwrap();
            assert_eq!(failure.reason, "lost");
            assert!(failure.detail.contains(state.name()), "{}", failure.detail);
            assert_eq!((record.round, record.dead_letter, record.lease), (0, None, None));
        }
        let done: Vec<CompletionEvent> = rig
            .messages("DONE")
            .await
            .iter()
            .map(|message| serde_json::from_slice(&message.payload).unwrap())
            .collect();
        assert_eq!(done.len(), lost.len(), "each submitter is notified once");
        for (job, _) in &lost {
            let own = done.iter().find(|done| done.job.id == job.id).unwrap();
            assert_eq!((own.outcome, &own.job.spec), (Outcome::Dead, &job.spec));
        }
        for job in [waits, early] {
            assert_eq!(rig.record(job).await.state, JobState::Queued);
        }
        assert_eq!(stuck(&rig).await, [waits], "past its deadline, though its message is there");
        let retried = rig.post(&format!("/v1/jobs/{}/retry", lost[1].0.id), "").send().await;
        assert_eq!(retried.unwrap().status(), 202);
        let left = rig.messages(TODO.name).await.len();
        assert_eq!(left, 2, "the one that waits and the one that was retried");
    };
    tokio::select! {
        () = others => {}
        () = test => {}
    }
}

#[tokio::test]
async fn the_completion_of_a_lost_job_is_published_later_if_it_failed_at_first() {
    let rig = rig().await;
    let job = without_message(&rig, JobState::Queued, 60_000).await.id;
    // As a gateway leaves it that dies between the two.
    rig.change(job, |record| {
        record.state = JobState::Dead;
        record.failure = Some(contract::record::JobFailure::new("lost", "it was queued"));
    })
    .await;
    becomes_dead(&rig, job).await;
    assert_eq!(rig.messages("DONE").await.len(), 1);
    assert_eq!(rig.metric(LOST), Some(0.0), "another one had ended it");
}

#[tokio::test]
async fn a_lost_job_without_a_spec_still_has_a_completion() {
    let rig = rig().await;
    let job = without_message(&rig, JobState::Queued, 60_000).await.id;
    rig.change(job, |record| record.inline_spec = None).await;
    rig.forget_payload(job).await;
    becomes_dead(&rig, job).await;
    let done: CompletionEvent =
        serde_json::from_slice(&rig.messages("DONE").await[0].payload).unwrap();
    assert_eq!((done.job.id, done.job.spec.name.as_str()), (job, "sum"));
}

#[tokio::test]
async fn a_running_job_with_a_silent_worker_is_cancelled_immediately() {
    let rig = rig().await;
    let job = without_message(&rig, JobState::Running, -3_600_000).await.id;
    eventually(LIMIT, "the job to be stuck", async || stuck(&rig).await == [job]).await;
    let answer = rig.post(&format!("/v1/jobs/{job}/cancel"), "").send().await.unwrap();
    let view: contract::api::JobView = answer.error_for_status().unwrap().json().await.unwrap();
    assert_eq!((view.state, view.worker), (JobState::Cancelled, None));
    assert_eq!(rig.messages("DONE").await.len(), 1);
    // One whose cancel was requested while it still seemed to live.
    let job = without_message(&rig, JobState::Running, -3_600_000).await.id;
    rig.change(job, |record| record.cancel_requested = true).await;
    eventually(LIMIT, "the job to be cancelled", async || {
        rig.record(job).await.state == JobState::Cancelled
    })
    .await;
}
