//! Cancelling jobs in an embedded lab: one outcome, one notification, and the work stops.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use contract::{JobId, record::JobRecord, state::JobState, topology::JOBS_BUCKET};
use lab::Part;
use lab_tests::{Client, waybill};
use rand::RngExt as _;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{LabUnderTest, Seed, WebhookReceiver, eventually};

const LIMIT: Duration = Duration::from_mins(1);
/// Interval of lease renewals. A cancellation that takes effect sooner did not wait for one.
const RENEWED: Duration = Duration::from_secs(20);
/// Jobs that are cancelled at about the time they end.
const RACES: usize = 80;

async fn lab(catcher: &WebhookReceiver) -> LabUnderTest {
    LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_WEBHOOK_ALLOW".into(), catcher.authority()));
    })
    .await
}

fn job(operation: &Value, catcher: &WebhookReceiver) -> Value {
    let notify = json!({"channel": "webhook", "url": catcher.url("/ledger")});
    json!({"name": "to be cancelled", "operations": [operation], "notify": notify})
}

async fn cancel(client: &Client, job: JobId) -> (StatusCode, Value) {
    client.order(&format!("jobs/{job}/cancel"), None).await
}

async fn becomes(client: &Client, job: JobId, state: JobState) {
    eventually(LIMIT, &format!("{job} to be {state}"), async || {
        let seen = client.job(job).await.map(|job| job.state);
        if seen == Some(state) { Ok(()) } else { Err(seen) }
    })
    .await;
}

/// The notified outcomes, each with its `webhook-id`; repetitions once.
fn outcomes(catcher: &WebhookReceiver, job: JobId) -> BTreeSet<(String, String)> {
    let notifications = catcher.received().into_iter().filter_map(|hook| {
        let notification: Value = serde_json::from_slice(&hook.body).ok()?;
        let id = hook.header("webhook-id")?.to_owned();
        let outcome = notification["data"]["outcome"].as_str()?.to_owned();
        (notification["data"]["id"] == job.to_string()).then_some((id, outcome))
    });
    notifications.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_running_job_stops_at_once_and_uses_no_more_cpu() {
    let catcher = WebhookReceiver::start().await;
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_WEBHOOK_ALLOW".into(), catcher.authority()));
        let ack_wait = (3 * RENEWED).as_secs().to_string();
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), ack_wait));
    })
    .await;
    let client = Client::of(&lab);
    let endless = json!({"kind": "hash", "text": "x", "rounds": 10_000_000});
    let long = json!({"name": "long", "operations": vec![endless; 100]});
    let mut jobs = Vec::new();
    for _ in 0..8 {
        jobs.push(client.submit(&long).await.id);
    }
    let wait = job(&json!({"kind": "wait", "seconds": 3_600}), &catcher);
    jobs.push(client.submit(&wait).await.id);
    for job in &jobs {
        becomes(&client, *job, JobState::Running).await;
    }
    let started = Instant::now();
    for job in &jobs {
        let (status, view) = cancel(&client, *job).await;
        assert_eq!((status, &view["cancel_requested"]), (StatusCode::ACCEPTED, &json!(true)));
    }
    for job in &jobs {
        let ended = client.ended(*job, LIMIT).await;
        assert_eq!(ended.state, JobState::Cancelled);
        assert_eq!(ended.failure.expect("it says why").reason, "cancelled");
    }
    let small = json!({"name": "s", "operations": [{"kind": "primes", "below": 1000}]});
    let small = client.submit(&small).await.id;
    assert_eq!(client.ended(small, LIMIT).await.state, JobState::Succeeded);
    assert!(started.elapsed() < RENEWED, "{:?}: the workers were not notified", started.elapsed());
    let seen = eventually(LIMIT, "the notification", async || {
        let seen = outcomes(&catcher, jobs[8]);
        if seen.is_empty() { None } else { Some(seen) }
    })
    .await;
    assert_eq!(seen.iter().map(|(_, outcome)| outcome.as_str()).collect::<Vec<_>>(), ["cancelled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_job_is_cancelled_and_notified_without_a_worker() {
    let catcher = WebhookReceiver::start().await;
    let lab = lab(&catcher).await;
    let client = Client::of(&lab);
    lab.stop(Part::Processor(1)).await.expect("it runs");
    let add = job(&json!({"kind": "add", "inputs": [1, 2]}), &catcher);
    let (cancelled, orphan) = (client.submit(&add).await, client.submit(&add).await.id);
    for job in [cancelled.id, orphan] {
        becomes(&client, job, JobState::Queued).await;
    }
    let (status, view) = cancel(&client, cancelled.id).await;
    assert_eq!((status, &view["state"]), (StatusCode::ACCEPTED, &json!("cancelled")));
    eventually(LIMIT, "the notification", async || !outcomes(&catcher, cancelled.id).is_empty())
        .await;
    cancel_record_without_completion(&lab, orphan).await;
    assert!(outcomes(&catcher, orphan).is_empty());

    lab.start(Part::Processor(1)).await.expect("it starts");
    eventually(LIMIT, "the worker to publish the missing completion", async || {
        !outcomes(&catcher, orphan).is_empty()
    })
    .await;
    // Later jobs in the queue end later.
    let last = client.submit(&add).await.id;
    assert_eq!(client.ended(last, LIMIT).await.state, JobState::Succeeded);
    eventually(LIMIT, "the last notification", async || !outcomes(&catcher, last).is_empty()).await;
    let hooks = catcher.received();
    for job in [cancelled.id, orphan] {
        let id = job.to_string();
        let notifications =
            hooks.iter().filter(|hook| String::from_utf8_lossy(&hook.body).contains(&id));
        assert_eq!(notifications.count(), 1, "{id}");
        assert_eq!(client.job(job).await.expect("it is known").state, JobState::Cancelled);
    }
    client
        .whole_trace_where(&cancelled.trace_id, LIMIT, |trace| {
            trace.only("process jobs.done.cancelled").map(drop)
        })
        .await;
}

/// Sets the record to cancelled without publishing the completion.
async fn cancel_record_without_completion(lab: &LabUnderTest, job: JobId) {
    let client = async_nats::connect(lab.nats_url()).await.expect("the broker is there");
    let records = async_nats::jetstream::new(client).get_key_value(JOBS_BUCKET).await;
    let records = records.expect("the bucket is there");
    let entry = records.entry(job.to_string()).await.expect("it answers").expect("it is known");
    let mut record: JobRecord = serde_json::from_slice(&entry.value).expect("it is a record");
    record.move_to(JobState::Cancelled).expect("the job to be queued");
    let record = serde_json::to_vec(&record).expect("it is JSON");
    records.update(job.to_string(), record.into(), entry.revision).await.expect("it is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_at_the_end_of_a_job_has_one_outcome_and_returns_it() {
    let catcher = WebhookReceiver::start().await;
    let lab = lab(&catcher).await;
    let client = Client::of(&lab);
    let mut random = Seed::pick().rng();
    let (mut won, mut lost) = (0, 0);
    for _ in 0..RACES {
        let seconds = f64::from(random.random_range(0..30_u32)) / 1e3;
        let wait = job(&json!({"kind": "wait", "seconds": seconds}), &catcher);
        let id = client.submit(&wait).await.id;
        // Not a wait for a condition: the moment of the cancellation is random.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..45))).await;
        let (status, answer) = cancel(&client, id).await;
        let ended = client.ended(id, LIMIT).await;
        match status {
            StatusCode::ACCEPTED => {
                won += 1;
                assert_eq!(ended.state, JobState::Cancelled, "{answer}");
            }
            StatusCode::CONFLICT => {
                lost += 1;
                assert_eq!(ended.state, JobState::Succeeded, "{answer}");
                let detail = answer["detail"].as_str().expect("it says why");
                assert!(detail.contains("succeeded"), "{detail}");
            }
            other => panic!("{other}: {answer}"),
        }
        let effects = eventually(LIMIT, "the notification", async || {
            let seen = outcomes(&catcher, id);
            if seen.is_empty() { None } else { Some(seen) }
        })
        .await;
        let outcomes: Vec<&str> = effects.iter().map(|(_, outcome)| outcome.as_str()).collect();
        assert_eq!(outcomes, [ended.state.name()]);
    }
    println!("{won} cancelled, {lost} too late");
}
