//! What a killed worker costs, at the lab's own ack wait: its jobs wait for one ack wait, no other job waits at all,
//! and a job that kills its workers convicts nobody but itself.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use contract::{JobId, state::JobState};
use futures_util::future::join_all;
use lab::Part;
use lab_tests::{Client, waybill};
use serde_json::{Value, json};
use testkit::{LabUnderTest, WebhookCatcher, eventually};

const LIMIT: Duration = Duration::from_mins(2);
/// A submission to its end, at any moment, the restart of the worker included.
const FRESH_MAX: Duration = Duration::from_secs(4);
/// The ack wait of ten seconds, the redelivery, and a busy machine.
const TAKE_OVER_MAX: Duration = Duration::from_secs(14);
const PROCESSOR: Part = Part::Processor(1);

fn wait(seconds: u32) -> Value {
    json!({"name": format!("wait {seconds}"), "operations": [{"kind": "wait", "seconds": seconds}]})
}

fn add() -> Value {
    json!({"name": "fresh", "operations": [{"kind": "add", "inputs": [1, 2]}]})
}

/// The worker that holds the lease of `job` now, and when it was first seen to hold it.
async fn holder_other_than(client: &Client, job: JobId, before: &str) -> (String, Instant) {
    eventually(LIMIT, "a worker to hold the lease", async || {
        let worker = client.job(job).await?.worker.filter(|worker| worker != before)?;
        Some((worker, Instant::now()))
    })
    .await
}

/// Submits one job after the other until `others` is ready; returns the longest time that one of them took.
async fn longest_fresh_job<T>(client: &Client, others: impl Future<Output = T>) -> (T, Duration) {
    let (is_over, mut longest) = (AtomicBool::new(false), Duration::ZERO);
    let others = async {
        let all = others.await;
        is_over.store(true, Relaxed);
        all
    };
    let fresh = async {
        while !is_over.load(Relaxed) {
            let begun = Instant::now();
            let job = client.submit(&add()).await.id;
            assert_eq!(client.ended(job, LIMIT).await.state, JobState::Succeeded);
            longest = longest.max(begun.elapsed());
        }
    };
    let (all, ()) = tokio::join!(others, fresh);
    println!("longest fresh job: {longest:?}");
    (all, longest)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_kills_in_a_row_cost_long_jobs_one_ack_wait_each_and_fresh_jobs_nothing() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    let mut held = BTreeMap::new();
    for _ in 0..3 {
        let job = client.submit(&wait(120)).await.id;
        held.insert(job, holder_other_than(&client, job, "").await.0);
    }
    for kill in 1..=3 {
        lab.kill(PROCESSOR).await.expect("the processor runs");
        let killed = Instant::now();
        let taken = join_all(
            held.iter()
                .map(async |(job, before)| (*job, holder_other_than(&client, *job, before).await)),
        );
        let (taken, longest) = longest_fresh_job(&client, taken).await;
        assert!(longest < FRESH_MAX, "kill {kill}: a fresh job took {longest:?}");
        for (job, (worker, at)) in taken {
            let waited = at - killed;
            println!("kill {kill}: taken over after {waited:?}");
            assert!(waited < TAKE_OVER_MAX, "kill {kill}: taken over after {waited:?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn ten_jobs_in_flight_at_a_kill_run_again_beside_each_other() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    let mut jobs = Vec::new();
    for _ in 0..10 {
        jobs.push(client.submit(&wait(6)).await.id);
    }
    for job in &jobs {
        holder_other_than(&client, *job, "").await;
    }
    lab.kill(PROCESSOR).await.expect("the processor runs");
    let killed = Instant::now();
    for job in jobs {
        let ended = client.ended(job, LIMIT).await;
        assert_eq!((ended.state, ended.interruptions), (JobState::Succeeded, 1));
    }
    println!("all ended after {:?}", killed.elapsed());
    assert!(killed.elapsed() < Duration::from_secs(25), "{:?}", killed.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn five_poison_jobs_at_once_end_alone_and_convict_nobody() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    let innocent = [client.submit(&wait(15)).await.id, client.submit(&wait(25)).await.id];
    for job in innocent {
        holder_other_than(&client, job, "").await;
    }
    let begun = Instant::now();
    let poison = join_all((0..5).map(async |_| {
        let fault = [("waybill-fault", "processor=crash:before_work")];
        let job = client.submit_with(&add(), &fault).await.id;
        (client.ended(job, LIMIT).await, Instant::now())
    }));
    let (ended, _) = longest_fresh_job(&client, poison).await;
    for (job, at) in ended {
        println!("dead after {:?}, {} interruptions", at - begun, job.interruptions);
        let reason = job.failure.map(|failure| failure.reason).unwrap_or_default();
        assert_eq!((job.state, reason.as_str()), (JobState::Dead, "interruptions_used_up"));
        assert!(at - begun < Duration::from_secs(30), "dead after {:?}", at - begun);
    }
    for job in innocent {
        assert_eq!(client.ended(job, LIMIT).await.state, JobState::Succeeded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn six_jobs_that_crash_the_ingester_end_and_their_neighbours_are_let_in() {
    let lab = short_lab(&WebhookCatcher::start().await).await;
    let client = Client::of(&lab);
    let mut poison = Vec::new();
    for _ in 0..6 {
        let fault = [("waybill-fault", "ingester=crash:before_work@16")];
        poison.push(client.submit_with(&add(), &fault).await.id);
    }
    let cancelled = poison.pop().expect("six");
    client.order(&format!("jobs/{cancelled}/cancel"), None).await;
    let neighbours = [client.submit(&add()).await.id, client.submit(&add()).await.id];
    for job in neighbours {
        assert_eq!(client.ended(job, LIMIT).await.state, JobState::Succeeded);
    }
    let mut dead = 0;
    for job in poison {
        let ended = client.ended(job, LIMIT).await;
        let reason = ended.failure.map(|failure| failure.reason).unwrap_or_default();
        match ended.state {
            JobState::Dead => assert_eq!(reason, "interruptions_used_up"),
            // Each delivery is a run of the fault, and a suspect that waits for its turn is delivered every second.
            state => assert_eq!(state, JobState::Succeeded, "{reason}"),
        }
        dead += u32::from(ended.state == JobState::Dead);
    }
    assert!(dead > 0, "the interruptions of the ingester are counted");
    let crashes: u32 = lab.parts().iter().map(|part| part.restarts).sum();
    assert!(crashes <= 6 * 6, "{crashes} crashes of six jobs");
    assert_eq!(client.ended(cancelled, LIMIT).await.state, JobState::Cancelled);
    let todo = "the queue to be empty: no message crashes the ingester any more";
    eventually(LIMIT, todo, async || {
        let queues = client.queues().await?.queues;
        let queue = queues.into_iter().find(|queue| queue.store.stream == "SUBMITTED")?;
        (queue.store.messages == Some(0)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_crashes_the_notifier_is_announced_a_bounded_number_of_times() {
    let catcher = WebhookCatcher::start().await;
    let lab = short_lab(&catcher).await;
    let client = Client::of(&lab);
    let mut job = add();
    job["notify"] = json!({"channel": "webhook", "url": catcher.url("/poison")});
    let fault = [("waybill-fault", "notifier=crash:after_effect@16")];
    let id = client.submit_with(&job, &fault).await.id;
    assert_eq!(client.ended(id, LIMIT).await.state, JobState::Succeeded);
    eventually(LIMIT, "its notification to be a dead letter", async || {
        let letters = client.dead_letters().await.dead_letters;
        letters.into_iter().find(|letter| {
            (letter.job, letter.reason.as_str()) == (Some(id), "interruptions_used_up")
        })
    })
    .await;
    let told = catcher.received().len();
    assert!((1..=6).contains(&told), "notified {told} times");
}

async fn short_lab(catcher: &WebhookCatcher) -> LabUnderTest {
    LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), "2".into()));
        options.env.push(("WAYBILL_WEBHOOK_ALLOW".into(), catcher.authority()));
    })
    .await
}
