//! Jobs that a stage can never handle: they are dead-lettered after a known number of attempts.

use std::time::Duration;

use contract::state::JobState;
use lab_tests::{Client, waybill};
use serde_json::json;
use testkit::{LabUnderTest, eventually};

/// Eight attempts with their retry delays take a little over a minute.
const LIMIT: Duration = Duration::from_secs(150);

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_a_stage_always_fails_ends_in_the_dead_letters_and_not_in_a_loop() {
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), "2".into()));
    })
    .await;
    let client = Client::of(&lab);
    let job = json!({"name": "poison", "attempts_max": 2, "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let submit = async |fault: &str| client.submit_with(&job, &[("waybill-fault", fault)]).await.id;
    let refused = submit("ingester=error").await;
    let failing = submit("processor=error").await;
    let deadly = submit("processor=crash:before_work").await;
    let unheard = submit("notifier=error").await;

    let stuck = json!({"name": "stuck", "deadline_seconds": 3, "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let stuck = client.submit_with(&stuck, &[("waybill-fault", "processor=hang")]).await.id;
    assert_eq!(
        client.ended(stuck, LIMIT).await.state,
        JobState::Failed,
        "a deadline ends a job that hangs"
    );
    for (id, state) in [
        (refused, JobState::Dead),
        (failing, JobState::Dead),
        (deadly, JobState::Dead),
        (unheard, JobState::Succeeded),
    ] {
        let ended = client.ended(id, LIMIT).await;
        assert_eq!(ended.state, state, "{ended:?}");
    }
    let wanted = [
        ("ingester", "attempts_used_up", Some(refused)),
        ("notifier", "attempts_used_up", Some(unheard)),
        ("processor", "attempts_used_up", Some(failing)),
        ("processor", "interruptions_used_up", Some(deadly)),
    ];
    eventually(LIMIT, "four dead letters", async || {
        let dead_letters = client.dead_letters().await.dead_letters;
        let mut found: Vec<_> = dead_letters
            .iter()
            .map(|dead_letter| {
                (dead_letter.stage.as_str(), dead_letter.reason.as_str(), dead_letter.job)
            })
            .collect();
        found.sort_unstable();
        if found == wanted { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
    // A dead letter has left its queue, and is not redelivered.
    eventually(LIMIT, "the queues to be empty", async || {
        let queues = client.queues().await.ok_or_else(Vec::new)?.queues;
        let read = queues.into_iter().filter(|queue| queue.consumer.is_some());
        let full: Vec<_> = read.filter(|queue| queue.store.messages != Some(0)).collect();
        if full.is_empty() { Ok(()) } else { Err(full) }
    })
    .await;
}
