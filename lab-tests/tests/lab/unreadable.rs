//! Job records that cannot be read or written, in every stage of an embedded lab.

use std::time::Duration;

use async_nats::jetstream::{self, kv};
use contract::{
    JobId,
    record::{RECORD_BYTES_MAX, RECORD_END_ROOM, RECORD_VERSION},
    state::JobState,
    topology::JOBS_BUCKET,
};
use lab::Part;
use lab_tests::{Client, waybill};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{LabUnderTest, WebhookReceiver, WebhookResponse, eventually};

const LIMIT: Duration = Duration::from_mins(1);

struct Damaged {
    lab: LabUnderTest,
    client: Client,
    records: kv::Store,
    catcher: WebhookReceiver,
}

impl Damaged {
    async fn start() -> Self {
        let catcher = WebhookReceiver::start().await;
        let lab = LabUnderTest::start_with(&waybill(), |options| {
            options.env.push(("WAYBILL_WEBHOOK_ALLOW".into(), catcher.authority()));
            options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), "2".into()));
        })
        .await;
        let broker = async_nats::connect(lab.nats_url()).await.expect("the broker is there");
        let records = jetstream::new(broker).get_key_value(JOBS_BUCKET).await;
        let client = Client::of(&lab);
        Self { client, records: records.expect("the bucket is there"), catcher, lab }
    }

    async fn submit(&self, operation: &Value) -> JobId {
        let notify = json!({"channel": "webhook", "url": self.catcher.url("/ledger")});
        let job = json!({"name": "damaged", "operations": [operation], "notify": notify});
        self.client.submit(&job).await.id
    }

    async fn becomes(&self, job: JobId, state: JobState) {
        eventually(LIMIT, &format!("{job} to be {state}"), async || {
            let seen = self.client.job(job).await.map(|job| job.state);
            if seen == Some(state) { Ok(()) } else { Err(seen) }
        })
        .await;
    }

    async fn put(&self, job: JobId, bytes: impl Into<Vec<u8>>) {
        let put = self.records.put(job.to_string(), bytes.into().into()).await;
        put.expect("the bucket takes it");
    }

    async fn stored(&self, job: JobId) -> Value {
        let stored = self.records.get(job.to_string()).await.expect("the bucket answers");
        serde_json::from_slice(&stored.expect("it is there")).expect("it is JSON")
    }

    /// Waits for the one dead letter of `job` and for empty queues: nothing is retried.
    async fn dead_letter(&self, job: JobId, stage: &str, reason: &str) -> u64 {
        let seq = eventually(LIMIT, &format!("a dead letter of {job}"), async || {
            let dead_letters = self.client.dead_letters().await.dead_letters;
            let own: Vec<_> =
                dead_letters.iter().filter(|dead_letter| dead_letter.job == Some(job)).collect();
            match &own[..] {
                [dead_letter] if dead_letter.stage == stage && dead_letter.reason == reason => {
                    Ok(dead_letter.seq)
                }
                _ => Err(format!("{dead_letters:?}")),
            }
        })
        .await;
        eventually(LIMIT, "the queues to be empty", async || {
            let queues = self.client.queues().await.ok_or_else(Vec::new)?.queues;
            let read = queues.into_iter().filter(|queue| queue.consumer.is_some());
            let full: Vec<_> = read.filter(|queue| queue.store.messages != Some(0)).collect();
            if full.is_empty() { Ok(()) } else { Err(full) }
        })
        .await;
        seq
    }

    /// The outcomes that the submitter of `job` was notified of.
    async fn notified(&self, job: JobId, outcome: &str) {
        eventually(LIMIT, &format!("a notification of {outcome}"), async || {
            let received = self.catcher.received();
            let bodies = received.iter().filter_map(|hook| {
                let body: Value = serde_json::from_slice(&hook.body).ok()?;
                (body["data"]["id"] == job.to_string()).then(|| body["data"]["outcome"].clone())
            });
            let outcomes: Vec<Value> = bodies.collect();
            if outcomes.contains(&json!(outcome)) { Ok(()) } else { Err(outcomes) }
        })
        .await;
    }

    async fn redrive(&self, seq: u64) {
        let redriven = self.client.order(&format!("dead-letters/{seq}/redrive"), None).await;
        assert_eq!(redriven.0, StatusCode::ACCEPTED, "{}", redriven.1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_causes_one_dead_letter_per_stage_and_a_redrive_runs_the_job() {
    let test = Damaged::start().await;
    let add = json!({"kind": "add", "inputs": [1, 2]});

    test.lab.stop(Part::Ingester).await.expect("it runs");
    let accepted = test.submit(&add).await;
    test.put(accepted, "not json").await;
    test.lab.start(Part::Ingester).await.expect("it starts");
    let dead_letter = test.dead_letter(accepted, "ingester", "record_unreadable").await;
    test.notified(accepted, "dead").await;
    test.redrive(dead_letter).await;
    assert_eq!(test.client.ended(accepted, LIMIT).await.state, JobState::Succeeded);

    test.lab.stop(Part::Processor(1)).await.expect("it runs");
    let queued = test.submit(&add).await;
    test.becomes(queued, JobState::Queued).await;
    let mut flying = test.stored(queued).await;
    flying["state"] = json!("flying");
    test.put(queued, flying.to_string()).await;
    test.lab.start(Part::Processor(1)).await.expect("it starts");
    let dead_letter = test.dead_letter(queued, "processor", "record_unreadable").await;
    test.notified(queued, "dead").await;
    test.redrive(dead_letter).await;
    assert_eq!(test.client.ended(queued, LIMIT).await.state, JobState::Succeeded);

    let running = test.submit(&json!({"kind": "wait", "seconds": 3.0})).await;
    test.becomes(running, JobState::Running).await;
    let mut other = test.stored(running).await;
    other["id"] = json!(queued);
    test.put(running, other.to_string()).await;
    let dead_letter = test.dead_letter(running, "processor", "record_unreadable").await;
    let (status, problem) = test.client.order(&format!("jobs/{running}/cancel"), None).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    test.redrive(dead_letter).await;
    assert_eq!(test.client.ended(running, LIMIT).await.state, JobState::Succeeded);
    let fresh = test.submit(&add).await;
    assert_eq!(test.client.ended(fresh, LIMIT).await.state, JobState::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_record_a_newer_version_wrote_waits_for_a_service_that_can_read_it() {
    let test = Damaged::start().await;
    test.lab.stop(Part::Processor(1)).await.expect("it runs");
    let job = test.submit(&json!({"kind": "add", "inputs": [1, 2]})).await;
    test.becomes(job, JobState::Queued).await;
    let known = test.stored(job).await;
    let mut newer = known.clone();
    newer["version"] = json!(RECORD_VERSION + 1);
    test.put(job, newer.to_string()).await;
    test.lab.start(Part::Processor(1)).await.expect("it starts");
    let admin = test.lab.ports().processor_admin;
    let retries = r#"waybill_attempts_total{stage="processor",verdict="retry"}"#;
    eventually(LIMIT, "the processor to postpone it", async || {
        test.client.metric(admin, retries).await.is_some_and(|retries| retries >= 1.0)
    })
    .await;
    assert!(test.client.dead_letters().await.dead_letters.is_empty());
    assert_eq!(test.stored(job).await, newer, "nothing was changed");
    // The test makes the record readable instead of updating the service.
    let mut known = known;
    known["newer"] = json!({"kept": true});
    known["times"]["newer"] = json!([1]);
    test.put(job, known.to_string()).await;
    assert_eq!(test.client.ended(job, LIMIT).await.state, JobState::Succeeded);
    let ended = test.stored(job).await;
    assert_eq!((&ended["newer"], &ended["times"]["newer"]), (&known["newer"], &json!([1])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_would_become_too_large_is_dead_lettered_with_that_reason() {
    let test = Damaged::start().await;
    test.lab.stop(Part::Processor(1)).await.expect("it runs");
    let job = test.submit(&json!({"kind": "add", "inputs": [1, 2]})).await;
    test.becomes(job, JobState::Queued).await;
    let mut record = test.stored(job).await;
    let room = RECORD_BYTES_MAX - RECORD_END_ROOM - record.to_string().len() - 40;
    record["newer"] = json!("x".repeat(room));
    test.put(job, record.to_string()).await;
    test.lab.start(Part::Processor(1)).await.expect("it starts");
    test.dead_letter(job, "processor", "record_too_large").await;
    test.notified(job, "dead").await;
    let dead = test.stored(job).await;
    assert_eq!((&dead["state"], &dead["newer"]), (&json!("dead"), &record["newer"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_needs_no_record() {
    let test = Damaged::start().await;
    test.lab.stop(Part::Notifier).await.expect("it runs");
    let job = test.submit(&json!({"kind": "add", "inputs": [1, 2]})).await;
    assert_eq!(test.client.ended(job, LIMIT).await.state, JobState::Succeeded);
    test.catcher.respond_with([WebhookResponse::status(500)]);
    test.put(job, "not json").await;
    test.lab.start(Part::Notifier).await.expect("it starts");
    eventually(LIMIT, "a repeated notification", async || test.catcher.received().len() >= 2).await;
    test.notified(job, "succeeded").await;
    assert!(test.client.dead_letters().await.dead_letters.is_empty());
}
