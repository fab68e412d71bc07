//! Job records that cannot be read: damaged ones, and those of a newer version.

use contract::{
    JobId, Stage,
    api::JobList,
    job::Job,
    record::{RECORD_BYTES_MAX, RECORD_VERSION},
    state::JobState,
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use testkit::eventually;

use crate::{
    redrive::redriven,
    rig::{JOB, LIMIT, Rig, own_headers, problem},
};

const TODO: &str = "dev.waybill.job.todo";

impl Rig {
    /// Stores `bytes` in the place of the job's record.
    async fn damage(&self, job: JobId, bytes: impl Into<Vec<u8>>) {
        self.records().await.put(job.to_string(), bytes.into().into()).await.unwrap();
    }

    /// The record as it is stored.
    async fn stored(&self, job: JobId) -> Value {
        let found = self.records().await.get(job.to_string()).await.unwrap().unwrap();
        serde_json::from_slice(&found).unwrap()
    }
}

async fn listed(rig: &Rig) -> Vec<JobId> {
    let list = rig.get("/v1/jobs").send().await.unwrap().error_for_status().unwrap();
    list.json::<JobList>().await.unwrap().jobs.into_iter().map(|job| job.id).collect()
}

/// All requests about a job.
async fn all_calls(rig: &Rig, job: JobId, status: u16, name: &str) {
    for path in ["", "/events", "/operations", "/operations/0", "/operations/0/image"] {
        let answer = rig.get(&format!("/v1/jobs/{job}{path}")).send().await.unwrap();
        let refused = problem(answer, status).await;
        assert!(refused.kind.ends_with(name), "GET {path}: {refused:?}");
    }
    for path in ["cancel", "retry"] {
        let answer = rig.post(&format!("/v1/jobs/{job}/{path}"), "").send().await.unwrap();
        let refused = problem(answer, status).await;
        assert!(refused.kind.ends_with(name), "{path}: {refused:?}");
    }
}

#[tokio::test]
async fn a_damaged_record_gets_a_problem_with_a_remedy_and_affects_no_other_job() {
    let rig = Rig::start().await;
    let sent = rig.post("/v1/jobs", JOB).header("idempotency-key", "k").send().await.unwrap();
    let job = sent.json::<contract::api::JobAccepted>().await.unwrap().id;
    let other = rig.submit(JOB).await.id;
    let good = rig.stored(job).await;
    let with = |name: &str, value: Value| {
        let mut record = good.clone();
        record[name] = value;
        record.to_string()
    };
    for bytes in [
        "not json".to_owned(),
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        good.to_string()[..100].to_owned(),
        with("state", json!("flying")),
        with("id", json!(other)),
        with("round", json!(-1)),
        with("version", json!("one")),
        with("newer", json!("x".repeat(RECORD_BYTES_MAX - good.to_string().len()))),
    ] {
        rig.damage(job, bytes.clone()).await;
        all_calls(&rig, job, 409, "/record-unreadable").await;
        let answer = rig.get(&format!("/v1/jobs/{job}")).send().await.unwrap();
        let detail = problem(answer, 409).await.detail;
        assert!(detail.contains("Redrive") && detail.contains("record_unreadable"), "{detail}");
        assert!(!detail.contains("line 1"), "no internal cause: {detail}");
        let repeated = rig.post("/v1/jobs", JOB).header("idempotency-key", "k").send().await;
        problem(repeated.unwrap(), 409).await;
        eventually(LIMIT, "a list without it", async || match listed(&rig).await {
            jobs if jobs == [other] => Ok(()),
            jobs => Err((bytes.clone(), jobs)),
        })
        .await;
    }
    rig.damage(job, good.to_string()).await;
    assert_eq!(rig.job(job).await.state, JobState::Accepted, "it was repaired by hand");
    eventually(LIMIT, "both in the list", async || listed(&rig).await.len() == 2).await;
}

#[tokio::test]
async fn a_record_of_a_newer_version_is_left_to_a_newer_gateway() {
    let rig = Rig::start().await;
    let (job, seq) = crate::redrive::dead_job(&rig).await;
    let mut newer = rig.stored(job.id).await;
    newer["version"] = json!(RECORD_VERSION + 1);
    newer["state"] = json!("flying");
    rig.damage(job.id, newer.to_string()).await;
    all_calls(&rig, job.id, 503, "/record-newer").await;
    let redrive = rig.post(&format!("/v1/dead-letters/{seq}/redrive"), "").send().await.unwrap();
    assert!(problem(redrive, 503).await.kind.ends_with("/record-newer"));
    let url = format!("{}/v1/dead-letters/{seq}", rig.api);
    assert_eq!(rig.http.delete(&url).send().await.unwrap().status(), 204);
    assert_eq!(rig.stored(job.id).await, newer, "nothing was changed");
}

#[tokio::test]
async fn the_events_of_a_job_end_when_its_record_is_damaged() {
    let rig = Rig::start().await;
    let job = rig.queued(JOB).await.id;
    let events = rig.get(&format!("/v1/jobs/{job}/events")).send().await.unwrap();
    let mut events = events.error_for_status().unwrap();
    let first = events.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("event: state"), "{first:?}");
    rig.damage(job, "not json").await;
    eventually(LIMIT, "the end of the stream", async || {
        events.chunk().await.is_ok_and(|chunk| chunk.is_none())
    })
    .await;
}

/// A job whose record is damaged, and the dead letter that its stage made of its message.
async fn damaged_job(rig: &Rig, operations: usize) -> (Job, u64) {
    let mut job = rig.queued(JOB).await;
    job.spec.operations = vec![job.spec.operations[0].clone(); operations];
    rig.damage(job.id, "not json").await;
    let id = job.id.to_string();
    let own =
        [("dead-letter:waybill-dead-reason", "record_unreadable"), ("dead-letter:ce-subject", &id)];
    let headers = [own_headers(TODO), own.to_vec()].concat();
    let body = serde_json::to_vec(&job).unwrap();
    (job, rig.dead_letter(Stage::Processor, "jobs.todo.add", &headers, body).await)
}

#[tokio::test]
async fn a_redrive_replaces_a_damaged_record_and_the_job_runs_again() {
    let rig = Rig::start().await;
    for operations in [1, 60] {
        let (job, seq) = damaged_job(&rig, operations).await;
        rig.forget_payload(job.id).await;
        assert_eq!(redriven(&rig, seq).await.round, Some(1));
        let record = rig.record(job.id).await;
        assert_eq!((record.state, record.round, record.failure), (JobState::Queued, 1, None));
        let message = rig.messages("TODO").await.pop().unwrap();
        let sent: Job = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!((sent.id, sent.round, &sent.spec), (job.id, 1, &job.spec));
        assert_eq!(rig.job(job.id).await.name, job.spec.name);
        assert!(rig.dead_letters().await.is_empty());
        // Its spec is kept with the new record.
        rig.change(job.id, |record| record.state = JobState::Failed).await;
        let retried = rig.post(&format!("/v1/jobs/{}/retry", job.id), "").send().await.unwrap();
        assert_eq!(retried.status(), 202);
    }
}

#[tokio::test]
async fn a_redrive_of_a_raw_event_replaces_a_damaged_record_too() {
    let rig = Rig::start().await;
    let job = rig.submit(JOB).await.id;
    rig.damage(job, "not json").await;
    let id = job.to_string();
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "order-1"),
        ("ce-source", "/demo/shop"),
        ("ce-type", "dev.waybill.job.submitted"),
        ("dead-letter:ce-subject", &id),
        ("dead-letter:waybill-dead-reason", "record_unreadable"),
    ];
    let seq = rig
        .dead_letter(Stage::Ingester, "jobs.submitted.event", &headers, JOB.as_bytes().to_vec())
        .await;
    assert_eq!(redriven(&rig, seq).await.round, Some(1));
    assert_eq!(rig.record(job).await.state, JobState::Dead, "its message begins the round");
    let message = rig.last_submitted().await;
    assert_eq!(message.headers.get("waybill-redriven-round").unwrap().as_str(), "1");
}

#[tokio::test]
async fn of_two_redrives_of_a_damaged_job_one_wins() {
    let rig = Rig::start().await;
    for n in 1..=5 {
        let (_, seq) = damaged_job(&rig, 1).await;
        let redrive = async || {
            let path = format!("/v1/dead-letters/{seq}/redrive");
            rig.post(&path, "").send().await.unwrap().status().as_u16()
        };
        let (one, other) = tokio::join!(redrive(), redrive());
        let mut statuses = [one, other];
        statuses.sort_unstable();
        assert!(statuses == [202, 409] || statuses == [202, 404], "{statuses:?}");
        assert_eq!(rig.messages("TODO").await.len(), n);
    }
}

#[tokio::test]
async fn deleting_a_dead_letter_deletes_its_job_record_only_if_damaged() {
    let rig = Rig::start().await;
    let (job, seq) = damaged_job(&rig, 1).await;
    let (repaired, other) = damaged_job(&rig, 1).await;
    let good =
        serde_json::to_vec(&contract::record::JobRecord::accepted(&repaired, "0".repeat(32)));
    rig.damage(repaired.id, good.unwrap()).await;
    for seq in [seq, other] {
        let url = format!("{}/v1/dead-letters/{seq}", rig.api);
        assert_eq!(rig.http.delete(&url).send().await.unwrap().status(), 204);
    }
    let answer = rig.get(&format!("/v1/jobs/{}", job.id)).send().await.unwrap();
    problem(answer, 404).await;
    assert_eq!(rig.job(repaired.id).await.state, JobState::Accepted);
}

#[tokio::test]
async fn unreadable_documents_beside_the_record_do_not_hide_the_job() {
    let rig = Rig::start().await;
    let job = rig.queued(JOB).await;
    rig.change(job.id, |record| {
        record.state = JobState::Failed;
        record.inline_spec = None;
        record.run = Some("0.1.0".into());
    })
    .await;
    let results = rig.jetstream.get_key_value(contract::topology::RESULTS_BUCKET).await.unwrap();
    let key = contract::topology::results_key(job.id, "0.1.0");
    results.put(key, "not json".into()).await.unwrap();
    let view = rig.job(job.id).await;
    assert_eq!((view.state, view.results), (JobState::Failed, None));
    let subject = contract::topology::payload(job.id);
    rig.jetstream.publish(subject, "not json".into()).await.unwrap().await.unwrap();
    let retried = rig.post(&format!("/v1/jobs/{}/retry", job.id), "").send().await.unwrap();
    assert!(problem(retried, 409).await.kind.ends_with("/payload-forgotten"));
    let keys = rig.jetstream.get_key_value(contract::topology::KEYS_BUCKET).await.unwrap();
    let sent = rig.post("/v1/jobs", JOB).header("idempotency-key", "k").send().await.unwrap();
    assert_eq!(sent.status(), 202);
    let key = keys.keys().await.unwrap().next().await.unwrap().unwrap();
    keys.put(key, "not json".into()).await.unwrap();
    let repeated = rig.post("/v1/jobs", JOB).header("idempotency-key", "k").send().await.unwrap();
    assert!(problem(repeated, 409).await.kind.ends_with("/idempotency-key-unreadable"));
}
