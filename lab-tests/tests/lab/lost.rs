//! Jobs whose messages are lost, for example after a stream was restored from a backup: they end, and their submitters

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use async_nats::jetstream;
use contract::{
    JobId,
    api::JobView,
    signals::JOBS_LOST,
    state::JobState,
    topology::{SUBMITTED, TODO},
};
use lab::Part;
use lab_tests::{Client, waybill};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{LabUnderTest, WebhookReceiver, eventually};

const LIMIT: Duration = Duration::from_mins(2);
const ACK_WAIT: Duration = Duration::from_secs(1);

struct Lost {
    lab: LabUnderTest,
    client: Client,
    catcher: WebhookReceiver,
}

impl Lost {
    async fn start() -> Self {
        Self::start_with_skew("0s").await
    }

    async fn start_with_skew(skew: &str) -> Self {
        let catcher = WebhookReceiver::start().await;
        let lab = LabUnderTest::start_with(&waybill(), |options| {
            options.ack_wait = Some(ACK_WAIT);
            options.env.push(("WAYBILL_WEBHOOK_ALLOW".into(), catcher.authority()));
            options.part_env.push((Part::Gateway, "WAYBILL_CLOCK_SKEW".into(), skew.into()));
        })
        .await;
        Self { client: Client::of(&lab), catcher, lab }
    }

    async fn submit(&self, operation: &Value, more: &Value) -> JobId {
        let notify = json!({"channel": "webhook", "url": self.catcher.url("/ledger")});
        let mut job = json!({"name": "lost", "operations": [operation], "notify": notify});
        let more = more.as_object().expect("it is an object").clone();
        job.as_object_mut().expect("it is an object").extend(more);
        self.client.submit(&job).await.id
    }

    async fn becomes(&self, job: JobId, state: JobState) {
        eventually(LIMIT, &format!("{job} to be {state}"), async || {
            let seen = self.client.job(job).await.map(|job| job.state);
            if seen == Some(state) { Ok(()) } else { Err(seen) }
        })
        .await;
    }

    /// Purges the queues of unfinished jobs; no worker may be running.
    async fn purge(&self) {
        let broker = async_nats::connect(self.lab.nats_url()).await.expect("the broker is there");
        let broker = jetstream::new(broker);
        for queue in [SUBMITTED, TODO] {
            let queue = broker.get_stream(queue.name).await.expect("it is there");
            queue.purge().await.expect("it can be emptied");
        }
    }

    async fn ends_as_lost(&self, job: JobId) -> JobView {
        let ended = self.client.ended(job, LIMIT).await;
        let failure = ended.failure.clone().expect("it says why");
        assert_eq!((ended.state, failure.reason.as_str()), (JobState::Dead, "lost"), "{failure:?}");
        eventually(LIMIT, "the submitter to be notified", async || {
            let received = self.catcher.received();
            let mut bodies = received.iter().filter_map(|hook| {
                let body: Value = serde_json::from_slice(&hook.body).ok()?;
                (body["data"]["id"] == job.to_string()).then_some(body)
            });
            bodies.any(|body| body["data"]["outcome"] == "dead")
        })
        .await;
        ended
    }

    async fn retry(&self, job: JobId) {
        let (status, answer) = self.client.order(&format!("jobs/{job}/retry"), None).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }
}

/// Runs with a single processor: a second one would take over the messages.
const WORKERS: [Part; 2] = [Part::Ingester, Part::Processor(1)];

async fn lost_in_every_state(skew: &str) {
    let test = Lost::start_with_skew(skew).await;
    let add = json!({"kind": "add", "inputs": [1, 2]});
    let soon = json!({"deadline_seconds": 8});
    let late = json!({"deadline_seconds": 3_600});
    let running = test.submit(&json!({"kind": "wait", "seconds": 3_000}), &soon).await;
    test.becomes(running, JobState::Running).await;
    test.lab.kill(Part::Processor(1)).await.expect("it runs");
    test.lab.stop(Part::Processor(1)).await.ok();
    let (queued, patient) = (test.submit(&add, &soon).await, test.submit(&add, &late).await);
    test.becomes(queued, JobState::Queued).await;
    test.becomes(patient, JobState::Queued).await;
    test.lab.stop(Part::Ingester).await.expect("it runs");
    let accepted = test.submit(&add, &soon).await;
    test.purge().await;
    for part in WORKERS {
        test.lab.start(part).await.ok();
    }
    for job in [accepted, queued, running] {
        let ended = test.ends_as_lost(job).await;
        assert!(ended.dead_letter.is_none());
    }
    let admin = test.lab.ports().gateway_admin;
    assert_eq!(test.client.metric(admin, JOBS_LOST.name).await, Some(3.0));
    // A lost job whose deadline has not passed is not ended.
    assert_eq!(test.client.job(patient).await.expect("it is known").state, JobState::Queued);
    let (status, _) = test.client.order(&format!("jobs/{patient}/cancel"), None).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    for job in [accepted, queued] {
        test.retry(job).await;
        assert_eq!(test.client.ended_in_round(job, 1, LIMIT).await.state, JobState::Succeeded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_message_is_lost_ends_after_its_deadline_in_any_state() {
    lost_in_every_state("0s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_passes_by_the_time_of_the_broker_even_if_the_gateway_has_a_wrong_clock() {
    lost_in_every_state("-2h").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_job_past_its_deadline_is_ended_by_its_stage() {
    let test = Lost::start().await;
    test.lab.stop(Part::Processor(1)).await.expect("it runs");
    let add = json!({"kind": "add", "inputs": [1, 2]});
    let waiting = test.submit(&add, &json!({"deadline_seconds": 1})).await;
    let gone = test.submit(&add, &json!({"deadline_seconds": 1})).await;
    test.becomes(gone, JobState::Queued).await;
    remove_message_of(&test.lab, gone).await;
    test.ends_as_lost(gone).await;
    // Both jobs were equally old, and only the lost one was ended.
    assert_eq!(test.client.job(waiting).await.expect("it is known").state, JobState::Queued);
    test.lab.start(Part::Processor(1)).await.expect("it starts");
    let ended = test.client.ended(waiting, LIMIT).await;
    let reason = ended.failure.expect("it says why").reason;
    assert_eq!((ended.state, reason.as_str()), (JobState::Failed, "deadline_passed"));
}

async fn remove_message_of(lab: &LabUnderTest, job: JobId) {
    let broker = async_nats::connect(lab.nats_url()).await.expect("the broker is there");
    let todo = jetstream::new(broker).get_stream(TODO.name).await.expect("it is there");
    let mut next = 1;
    while let Ok(message) = todo.get_first_raw_message_by_subject(TODO.subjects, next).await {
        next = message.sequence + 1;
        if message.headers.get("ce-subject").is_some_and(|id| id.as_str() == job.to_string()) {
            todo.delete_message(message.sequence).await.expect("it is there");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_ends_a_job_that_no_worker_runs() {
    let test = Lost::start().await;
    let wait = json!({"kind": "wait", "seconds": 3_000});
    let (job, cancelled_early) =
        (test.submit(&wait, &json!({})).await, test.submit(&wait, &json!({})).await);
    test.becomes(job, JobState::Running).await;
    test.becomes(cancelled_early, JobState::Running).await;
    test.lab.stop(Part::Processor(1)).await.ok();
    test.lab.kill(Part::Processor(1)).await.ok();
    test.purge().await;
    let cancel = async |job: JobId| test.client.order(&format!("jobs/{job}/cancel"), None).await;
    assert_eq!(cancel(cancelled_early).await.0, StatusCode::ACCEPTED);
    let since = Instant::now();
    eventually(LIMIT, "two ack waits to pass", async || since.elapsed() > ACK_WAIT * 3).await;
    let (status, view) = cancel(job).await;
    assert_eq!((status, &view["state"]), (StatusCode::ACCEPTED, &json!("cancelled")), "{view}");
    // The cancellation need not be repeated.
    assert_eq!(test.client.ended(cancelled_early, LIMIT).await.state, JobState::Cancelled);
    test.lab.start(Part::Processor(1)).await.ok();
    test.retry(job).await;
    test.becomes(job, JobState::Running).await;
}

/// The broker's folders of one stream, its bucket of job records included.
fn store_of(lab: &LabUnderTest, stream: &str) -> PathBuf {
    let found = find(lab.data_dir(), stream);
    found.unwrap_or_else(|| panic!("no stream {stream} in {}", lab.data_dir().display()))
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let mut folders = entries.filter(|path| path.is_dir());
    folders.find_map(|path| {
        let is_it = path.ends_with(name) && path.parent()?.ends_with("streams");
        if is_it { Some(path) } else { find(&path, name) }
    })
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_of_old_records_every_job_ends_and_new_ones_run() {
    let test = Lost::start().await;
    let wait = json!({"kind": "wait", "seconds": 2.0});
    let mut jobs = Vec::new();
    for _ in 0..5 {
        jobs.push(test.submit(&wait, &json!({"deadline_seconds": 10})).await);
    }
    for job in &jobs {
        test.becomes(*job, JobState::Running).await;
    }
    let kept = tempfile::tempdir().expect("there is room");
    let records = store_of(&test.lab, "KV_JOBS");
    test.lab.stop(Part::Nats).await.expect("it runs");
    copy(&records, kept.path()).expect("it can be read");
    test.lab.start(Part::Nats).await.expect("it starts");
    for job in &jobs {
        assert_eq!(test.client.ended(*job, LIMIT).await.state, JobState::Succeeded);
    }
    test.lab.stop(Part::Nats).await.expect("it runs");
    fs::remove_dir_all(&records).expect("it is ours");
    copy(kept.path(), &records).expect("it can be written");
    test.lab.start(Part::Nats).await.expect("it starts");
    for job in &jobs {
        eventually(LIMIT, "the job to be known again or ended", async || {
            test.client.job(*job).await.is_some()
        })
        .await;
        let ended = test.client.ended(*job, LIMIT).await;
        assert_eq!(ended.failure.expect("it says why").reason, "lost");
    }
    let fresh = test.submit(&json!({"kind": "add", "inputs": [1, 2]}), &json!({})).await;
    assert_eq!(test.client.ended(fresh, LIMIT).await.state, JobState::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_of_an_old_queue_its_messages_are_settled() {
    let test = Lost::start().await;
    test.lab.stop(Part::Processor(1)).await.expect("it runs");
    let add = json!({"kind": "add", "inputs": [1, 2]});
    let (first, second) =
        (test.submit(&add, &json!({})).await, test.submit(&add, &json!({})).await);
    test.becomes(first, JobState::Queued).await;
    test.becomes(second, JobState::Queued).await;
    let kept = tempfile::tempdir().expect("there is room");
    let messages = store_of(&test.lab, TODO.name).join("msgs");
    test.lab.stop(Part::Nats).await.expect("it runs");
    copy(&messages, kept.path()).expect("it can be read");
    test.lab.start(Part::Nats).await.expect("it starts");
    test.lab.start(Part::Processor(1)).await.expect("it starts");
    for job in [first, second] {
        assert_eq!(test.client.ended(job, LIMIT).await.state, JobState::Succeeded);
    }
    test.lab.stop(Part::Nats).await.expect("it runs");
    fs::remove_dir_all(&messages).expect("it is ours");
    copy(kept.path(), &messages).expect("it can be written");
    test.lab.start(Part::Nats).await.expect("it starts");
    let admin = test.lab.ports().gateway_admin;
    eventually(LIMIT, "both messages to be sent again", async || {
        let sent = test.client.metric(admin, contract::signals::ORPHANED_MESSAGES.name).await;
        if sent == Some(2.0) { Ok(()) } else { Err(sent) }
    })
    .await;
    eventually(LIMIT, "the queue to be empty", async || {
        let queues = test.client.queues().await.ok_or_else(Vec::new)?.queues;
        let full: Vec<_> = queues.into_iter().filter(|q| q.store.messages != Some(0)).collect();
        if full.is_empty() { Ok(()) } else { Err(full) }
    })
    .await;
    for job in [first, second] {
        assert_eq!(test.client.job(job).await.expect("it is known").state, JobState::Succeeded);
    }
}
