//! The delay caused by a killed worker, at the default ack wait: its jobs wait for one ack wait, and other jobs are not
//! delayed. A job that kills its workers does not affect other jobs.

use std::time::Duration;

use contract::state::JobState;
use lab::Part;
use lab_tests::{Client, killed_workers, killed_workers::add, waybill};
use serde_json::json;
use testkit::{LabUnderTest, WebhookReceiver, eventually};

const LIMIT: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn three_kills_in_a_row_delay_long_jobs_by_one_ack_wait_each_and_new_jobs_not_at_all() {
    let lab = LabUnderTest::start(&waybill()).await;
    let kill = async || kill(&lab).await;
    killed_workers::check_three_kills(&Client::of(&lab), kill, async || ()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_jobs_in_flight_at_a_kill_run_again_concurrently() {
    let lab = LabUnderTest::start(&waybill()).await;
    let kill = async || kill(&lab).await;
    killed_workers::ten_jobs_in_flight_run_again(&Client::of(&lab), kill, async || ()).await;
}

/// Kills the processor; the supervisor restarts it.
async fn kill(lab: &LabUnderTest) {
    lab.kill(Part::Processor(1)).await.expect("the processor runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_poison_jobs_at_once_end_dead_without_affecting_other_jobs() {
    let lab = LabUnderTest::start(&waybill()).await;
    killed_workers::check_poison_jobs(&Client::of(&lab), 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn six_jobs_that_crash_the_ingester_end_and_other_jobs_are_queued() {
    let lab = short_lab(&WebhookReceiver::start().await).await;
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
            // Each delivery uses up one run of the fault, and a job that must run alone is redelivered every second while it waits.
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
async fn a_job_that_crashes_the_notifier_is_notified_a_bounded_number_of_times() {
    let catcher = WebhookReceiver::start().await;
    let lab = short_lab(&catcher).await;
    let client = Client::of(&lab);
    let mut job = add();
    job["notify"] = json!({"channel": "webhook", "url": catcher.url("/poison")});
    let fault = [("waybill-fault", "notifier=crash:after_effect@16")];
    let id = client.submit_with(&job, &fault).await.id;
    assert_eq!(client.ended(id, LIMIT).await.state, JobState::Succeeded);
    eventually(LIMIT, "its notification to be a dead letter", async || {
        let dead_letters = client.dead_letters().await.dead_letters;
        dead_letters.into_iter().find(|dead_letter| {
            (dead_letter.job, dead_letter.reason.as_str()) == (Some(id), "interruptions_used_up")
        })
    })
    .await;
    let count = catcher.received().len();
    assert!((1..=6).contains(&count), "notified {count} times");
}

async fn short_lab(catcher: &WebhookReceiver) -> LabUnderTest {
    LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), "2".into()));
        options.env.push(("WAYBILL_WEBHOOK_ALLOW".into(), catcher.authority()));
    })
    .await
}
