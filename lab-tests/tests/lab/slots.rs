//! A worker pulls only as many messages as it has free slots.

use std::time::Duration;

use contract::{api::QueueView, state::JobState};
use lab::Part;
use lab_tests::{Client, waybill};
use serde_json::json;
use testkit::{LabUnderTest, eventually};

const LIMIT: Duration = Duration::from_mins(1);
const SLOTS: u64 = 2;
const JOBS: u64 = 6;

async fn todo(client: &Client) -> Option<QueueView> {
    let queues = client.queues().await?.queues;
    queues.into_iter().find(|queue| queue.store.stream == "TODO")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_interrupts_only_the_jobs_in_its_slots() {
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), "2".into()));
        let slots = (Part::Processor(1), "WAYBILL_SLOTS".into(), SLOTS.to_string());
        options.part_env.push(slots);
    })
    .await;
    let client = Client::of(&lab);
    let job = json!({"name": "three seconds", "operations": [{"kind": "wait", "seconds": 3}]});
    let mut jobs = Vec::new();
    for _ in 0..JOBS {
        jobs.push(client.submit(&job).await.id);
    }
    eventually(LIMIT, "two running and four waiting jobs", async || {
        let todo = todo(&client).await.ok_or("no answer")?;
        let seen = (todo.ack_pending, todo.depth);
        if seen == (Some(SLOTS), Some(JOBS - SLOTS)) { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await;
    lab.kill(Part::Processor(1)).await.expect("the processor runs");
    let mut interrupted = 0;
    for job in jobs {
        let ended = client.ended(job, LIMIT).await;
        assert_eq!((ended.state, ended.attempts), (JobState::Succeeded, 1));
        interrupted += u64::from(ended.interruptions);
    }
    assert_eq!(interrupted, SLOTS, "the other messages were not delivered");
}
