//! Five hundred jobs while every part is killed once: no job is lost, duplicated or dead.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use contract::{JobId, state::JobState};
use futures_util::{StreamExt, stream};
use lab::Part;
use lab_tests::{Client, waybill};
use rand::{RngExt, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};
use testkit::{LabUnderTest, Seed, WebhookReceiver, eventually};

const JOBS: usize = 500;
/// Concurrent submitters.
const SUBMITTERS: usize = 8;
/// Timeout for all jobs to end after the last kill.
const REST: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn no_accepted_job_is_lost_or_run_twice_while_every_part_is_killed_once() {
    let seed = Seed::pick();
    let catcher = WebhookReceiver::start().await;
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_WEBHOOK_ALLOW".into(), catcher.authority()));
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), "2".into()));
    })
    .await;
    let client = Client::of(&lab);
    let url = Arc::new(catcher.url("/ledger"));

    let submitting = submit_all(client.clone(), url, seed.rng());
    let (accepted, ()) = tokio::join!(submitting, kill_every_part(&lab, &client, seed.rng()));
    assert_eq!(accepted.len(), JOBS, "each job was accepted, under its own id");

    let jobs = all_ended(&client, &accepted).await;
    let mut ends = BTreeMap::new();
    for id in &accepted {
        *ends.entry(jobs[id].name()).or_insert(0) += 1;
        assert_eq!(jobs[id], JobState::Succeeded, "{id}");
    }
    let notifications = ledger_of(&catcher, &accepted).await;
    println!("accepted {}, ends {ends:?}, notifications {notifications}", accepted.len());
}

/// Submits each job until it is accepted, with an idempotency key: a response may be lost when the gateway is killed.
async fn submit_all(client: Client, url: Arc<String>, mut rng: StdRng) -> BTreeSet<JobId> {
    let jobs: Vec<Value> = (0..JOBS).map(|n| job(n, &url, &mut rng)).collect();
    let submit = async |(n, job): (usize, Value)| {
        let key = format!("kill-{n}");
        eventually(REST, "a job to be accepted", async || {
            let answer = client.try_submit(&job, &[("Idempotency-Key", &key)]).await;
            let (status, body) = answer.map_err(|error| error.to_string())?;
            let id = body["id"].as_str().and_then(|id| id.parse::<JobId>().ok());
            id.filter(|_| status == 202).ok_or_else(|| format!("{status} {body}"))
        })
        .await
    };
    stream::iter(jobs.into_iter().enumerate())
        .map(submit)
        .buffer_unordered(SUBMITTERS)
        .collect()
        .await
}

fn job(n: usize, url: &str, rng: &mut StdRng) -> Value {
    let operation = match rng.random_range(0..4) {
        0 => json!({"kind": "wait", "seconds": rng.random_range(0.05..0.4)}),
        1 => json!({"kind": "primes", "below": 10_000}),
        2 => json!({"kind": "hash", "text": n.to_string(), "rounds": 100}),
        _ => json!({"kind": "multiply", "inputs": [n, 2]}),
    };
    json!({"name": format!("job {n}"), "operations": [operation], "notify": {"channel": "webhook", "url": url}})
}

/// Kills each part once, in random order, spread over the submissions.
async fn kill_every_part(lab: &LabUnderTest, client: &Client, mut rng: StdRng) {
    let mut parts = [Part::Processor(1), Part::Ingester, Part::Notifier, Part::Gateway, Part::Nats];
    parts.shuffle(&mut rng);
    let share = JOBS / (parts.len() + 1);
    for (n, part) in parts.into_iter().enumerate() {
        // Always below the number of jobs, so that it is reached.
        let wanted = (n + 1) * share + rng.random_range(0..share / 2);
        let seen = eventually(REST, "jobs to come in before the next kill", async || {
            let count = client.try_count().await.ok_or_else(|| "no answer".to_owned())?;
            if count >= wanted { Ok(count) } else { Err(format!("{count} of {wanted}")) }
        })
        .await;
        println!("killing {part} at {seen} jobs");
        lab.kill(part).await.expect("every part runs");
    }
}

async fn all_ended(client: &Client, accepted: &BTreeSet<JobId>) -> BTreeMap<JobId, JobState> {
    eventually(REST, "every accepted job to end", async || {
        let jobs: BTreeMap<_, _> = client
            .try_all_jobs()
            .await
            .ok_or_else(|| "no answer".to_owned())?
            .into_iter()
            .map(|job| (job.id, job.state))
            .collect();
        let open: Vec<_> = accepted
            .iter()
            .filter(|id| !jobs.get(id).is_some_and(|state| state.is_terminal()))
            .collect();
        if open.is_empty() {
            Ok(jobs)
        } else {
            Err(format!("{} open, such as {:?}", open.len(), open[0]))
        }
    })
    .await
}

/// Checks the notifications of all jobs. They may repeat, but all notifications of a job must be about the same run.
async fn ledger_of(catcher: &WebhookReceiver, accepted: &BTreeSet<JobId>) -> usize {
    eventually(REST, "a notification of every accepted job", async || {
        let mut runs: BTreeMap<JobId, BTreeSet<String>> = BTreeMap::new();
        let hooks = catcher.received();
        for hook in &hooks {
            let notification: Value =
                serde_json::from_slice(&hook.body).expect("a notification is JSON");
            let job = notification["data"]["id"]
                .as_str()
                .and_then(|id| id.parse().ok())
                .expect("it names its job");
            let effect = format!(
                "{} {}",
                hook.header("webhook-id").unwrap_or_default(),
                notification["data"]["run"]
            );
            runs.entry(job).or_default().insert(effect);
        }
        for (job, effects) in &runs {
            assert_eq!(effects.len(), 1, "{job} took effect more than once: {effects:?}");
        }
        let missing = accepted.iter().filter(|id| !runs.contains_key(id)).count();
        if missing == 0 {
            Ok(hooks.len())
        } else {
            Err(format!("{missing} jobs without a notification"))
        }
    })
    .await
}
