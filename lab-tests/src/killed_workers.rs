//! Measures the delay caused by a killed worker, at the default ack wait: its jobs wait for one ack wait, and other jobs
//! are not delayed. Both labs run the same checks, with different ways to kill and restart a worker.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use contract::{JobId, state::JobState};
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::eventually;

use crate::Client;

const LIMIT: Duration = Duration::from_mins(2);
/// Longest time from submission to end of a new job, including a restart of the worker.
const FRESH_MAX: Duration = Duration::from_secs(4);
/// Timeout of a take-over: the ack wait of ten seconds, the redelivery, and a busy machine.
const TAKE_OVER_MAX: Duration = Duration::from_secs(14);
/// Longest time for ten concurrent jobs of six seconds after a kill, including the take-over.
const TEN_JOBS_MAX: Duration = Duration::from_secs(25);
/// Longest time until a poison job is dead: one ack wait, the runs in child processes, and a busy machine.
const POISON_MAX: Duration = Duration::from_secs(30);

/// A job that takes this long.
pub fn wait(seconds: u32) -> Value {
    json!({"name": format!("wait {seconds}"), "operations": [{"kind": "wait", "seconds": seconds}]})
}

/// A job that ends at once.
pub fn add() -> Value {
    json!({"name": "fresh", "operations": [{"kind": "add", "inputs": [1, 2]}]})
}

/// Kills the only worker three times while it runs three long jobs: each time they are taken over after one ack wait,
/// and a new job never waits. `kill` returns when the worker has ended, `come_back` when it is started again.
pub async fn check_three_kills(client: &Client, kill: impl AsyncFn(), come_back: impl AsyncFn()) {
    let mut held = running(client, 3, 120).await;
    for number in 1..=3 {
        let killed = Instant::now();
        kill().await;
        let taken = join_all(
            held.iter()
                .map(async |(job, before)| (*job, holder_other_than(client, *job, before).await)),
        );
        let back = async { tokio::join!(taken, come_back()).0 };
        let (taken, longest) = longest_fresh_job(client, back).await;
        println!("MEASURED: kill {number}: the longest fresh job took {longest:.1?}");
        assert!(longest < FRESH_MAX, "kill {number}: a fresh job took {longest:?}");
        for (job, (worker, at)) in taken {
            let waited = at - killed;
            println!("MEASURED: kill {number}: taken over after {waited:.1?}");
            assert!(waited < TAKE_OVER_MAX, "kill {number}: taken over after {waited:?}");
            held.insert(job, worker);
        }
    }
    for job in held.keys() {
        let seen = client.job(*job).await.expect("the job is known");
        assert_eq!((seen.state, seen.interruptions), (JobState::Running, 3), "{seen:?}");
        client.order(&format!("jobs/{job}/cancel"), None).await;
        assert_eq!(client.ended(*job, FRESH_MAX).await.state, JobState::Cancelled);
    }
}

/// Kills the only worker while it runs ten jobs: all of them run again, concurrently.
pub async fn ten_jobs_in_flight_run_again(
    client: &Client,
    kill: impl AsyncFn(),
    come_back: impl AsyncFn(),
) {
    let jobs = running(client, 10, 6).await;
    let killed = Instant::now();
    kill().await;
    come_back().await;
    for job in jobs.into_keys() {
        let ended = client.ended(job, LIMIT).await;
        assert_eq!((ended.state, ended.interruptions), (JobState::Succeeded, 1));
    }
    println!("MEASURED: ten jobs of 6 s have ended {:.1?} after the kill", killed.elapsed());
    assert!(killed.elapsed() < TEN_JOBS_MAX, "{:?}", killed.elapsed());
}

/// Submits `poison` jobs that abort every process that runs them: each is dead in time, and other jobs succeed.
pub async fn check_poison_jobs(client: &Client, poison: usize) {
    let mut innocent = running(client, 1, 15).await;
    innocent.extend(running(client, 1, 25).await);
    let started_at = Instant::now();
    let poison = join_all((0..poison).map(async |_| {
        let fault = [("waybill-fault", "processor=crash:before_work")];
        let job = client.submit_with(&add(), &fault).await.id;
        (client.ended(job, LIMIT).await, Instant::now())
    }));
    let (ended, longest) = longest_fresh_job(client, poison).await;
    println!("MEASURED: beside poison: the longest fresh job took {longest:.1?}");
    for (job, at) in ended {
        let took = at - started_at;
        println!("MEASURED: dead after {took:.1?}, {} interruptions", job.interruptions);
        let reason = job.failure.map(|failure| failure.reason).unwrap_or_default();
        assert_eq!((job.state, reason.as_str()), (JobState::Dead, "interruptions_used_up"));
        assert!(took < POISON_MAX, "dead after {took:?}");
    }
    for job in innocent.into_keys() {
        assert_eq!(client.ended(job, LIMIT).await.state, JobState::Succeeded);
    }
}

/// Submits `jobs` jobs that wait for `seconds`, and returns each with the worker that runs it.
async fn running(client: &Client, jobs: usize, seconds: u32) -> BTreeMap<JobId, String> {
    let mut accepted = Vec::new();
    for _ in 0..jobs {
        accepted.push(client.submit(&wait(seconds)).await.id);
    }
    let mut running = BTreeMap::new();
    for job in accepted {
        running.insert(job, holder_other_than(client, job, "").await.0);
    }
    running
}

/// The worker that holds the lease of `job` now, and when it was first seen to hold it.
async fn holder_other_than(client: &Client, job: JobId, before: &str) -> (String, Instant) {
    eventually(LIMIT, "a worker to hold the lease", async || {
        let worker = client.job(job).await?.worker.filter(|worker| worker != before)?;
        Some((worker, Instant::now()))
    })
    .await
}

/// Submits one job after the other until `others` is ready; returns the longest duration.
async fn longest_fresh_job<T>(client: &Client, others: impl Future<Output = T>) -> (T, Duration) {
    let (is_over, mut longest) = (AtomicBool::new(false), Duration::ZERO);
    let others = async {
        let all = others.await;
        is_over.store(true, Relaxed);
        all
    };
    let fresh = async {
        while !is_over.load(Relaxed) {
            let started_at = Instant::now();
            let job = client.submit(&add()).await.id;
            assert_eq!(client.ended(job, LIMIT).await.state, JobState::Succeeded);
            longest = longest.max(started_at.elapsed());
        }
    };
    let (all, ()) = tokio::join!(others, fresh);
    (all, longest)
}
