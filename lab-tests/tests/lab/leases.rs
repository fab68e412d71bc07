//! Leases of running jobs while workers are suspended or the broker is down.

use std::{collections::BTreeSet, time::Duration};

use contract::state::JobState;
use lab::Part;
use lab_tests::{Client, waybill};
use serde_json::json;
use testkit::{LabUnderTest, WebhookReceiver, eventually};

const LIMIT: Duration = Duration::from_secs(30);
const PROCESS: &str = "process jobs.todo.wait";
const ACK_WAIT: Duration = Duration::from_secs(2);

async fn lab(processors: u16, catcher: &WebhookReceiver) -> LabUnderTest {
    lab_with(processors, catcher, &[]).await
}

async fn lab_with(
    processors: u16,
    catcher: &WebhookReceiver,
    env: &[(&str, &str)],
) -> LabUnderTest {
    LabUnderTest::start_with(&waybill(), |options| {
        options.processors = processors;
        options.env.extend(env.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        options.env.push(("WAYBILL_WEBHOOK_ALLOW".into(), catcher.authority()));
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), ACK_WAIT.as_secs().to_string()));
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_suspended_past_the_ack_wait_is_fenced_and_changes_nothing() {
    let catcher = WebhookReceiver::start().await;
    let lab = lab(2, &catcher).await;
    let client = Client::of(&lab);
    let job = json!({
        "name": "slept through",
        "operations": [{"kind": "wait", "seconds": 3}],
        "notify": {"channel": "webhook", "url": catcher.url("/ledger")},
    });
    let accepted = client.submit(&job).await;
    let worker = eventually(LIMIT, "a worker to hold the lease", async || {
        client.job(accepted.id).await?.worker
    })
    .await;
    let holder = part_of(&lab, &worker);
    lab.pause(holder).await.expect("the lease holder runs");
    let ended = client.ended(accepted.id, LIMIT).await;
    assert_eq!((ended.state, ended.attempts, ended.interruptions), (JobState::Succeeded, 1, 1));
    lab.resume(holder).await.expect("the lease holder is only suspended");

    client
        .whole_trace_where(&accepted.trace_id, LIMIT, |trace| {
            let verdicts = trace.values(PROCESS, "waybill.verdict");
            if verdicts.contains(&"fenced".to_owned()) { Ok(()) } else { Err(verdicts) }
        })
        .await;
    let after = client.job(accepted.id).await.expect("the job is known");
    assert_eq!((after.state, after.times.finished_ms), (ended.state, ended.times.finished_ms));
    let effects: BTreeSet<_> = catcher.received().iter().map(|hook| hook.body.clone()).collect();
    assert_eq!(effects.len(), 1, "every notification is about the same run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_worker_leaves_the_message_to_the_new_lease_holder() {
    let catcher = WebhookReceiver::start().await;
    let lab = lab(2, &catcher).await;
    let client = Client::of(&lab);
    let job = json!({"name": "handed over twice", "operations": [{"kind": "wait", "seconds": 8}]});
    let accepted = client.submit(&job).await;
    let worker = async |other_than: &str| {
        let worker =
            async || client.job(accepted.id).await?.worker.filter(|worker| worker != other_than);
        eventually(LIMIT, "another worker to hold the lease", worker).await
    };
    let first = worker("").await;
    lab.pause(part_of(&lab, &first)).await.expect("the lease holder runs");
    let second = part_of(&lab, &worker(&first).await);
    lab.resume(part_of(&lab, &first)).await.expect("the first lease holder is only suspended");
    eventually(LIMIT, "the first lease holder to be fenced", async || {
        let trace = client.trace(&accepted.trace_id).await?;
        trace.values(PROCESS, "waybill.verdict").into_iter().find(|verdict| verdict == "fenced")
    })
    .await;
    // Had the first lease holder acked, the message of the worker that is killed now would be lost.
    lab.kill(second).await.expect("the second lease holder runs");
    let ended = client.ended(accepted.id, Duration::from_mins(1)).await;
    assert_eq!((ended.state, ended.attempts, ended.interruptions), (JobState::Succeeded, 1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_worker_takes_over_from_a_live_one_on_redelivery() {
    let catcher = WebhookReceiver::start().await;
    // The lease holder has no slot left for the redelivery: it goes to the other worker, which is idle.
    let lab = lab_with(2, &catcher, &[("WAYBILL_SLOTS", "1")]).await;
    let client = Client::of(&lab);
    let job = json!({"name": "stayed", "operations": [{"kind": "wait", "seconds": 12}]});
    let accepted = client.submit(&job).await;
    let worker = async || client.job(accepted.id).await?.worker;
    let holder = eventually(LIMIT, "the job to run", worker).await;
    stop_broker_for_longer_than_the_ack_wait(&lab).await;
    let ended = client.ended(accepted.id, LIMIT).await;
    assert_eq!((ended.state, ended.attempts, ended.interruptions), (JobState::Succeeded, 1, 0));
    client
        .whole_trace_where(&accepted.trace_id, LIMIT, |trace| {
            let reasons = trace.values(PROCESS, "waybill.reason");
            if reasons.contains(&"owned_elsewhere".to_owned()) { Ok(()) } else { Err(reasons) }
        })
        .await;
    let log = [Part::Processor(1), Part::Processor(2)].map(|part| lab.log_tail(part)).concat();
    let mut lines = log.lines().filter(|line| line.contains("\"retry\""));
    assert!(
        lines.any(|line| line.contains("owned_elsewhere")
            && line.contains(&format!("postponed, leased by {holder}, "))),
        "no line says why the message was postponed: {log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_continues_while_the_broker_is_down_for_longer_than_the_ack_wait() {
    let catcher = WebhookReceiver::start().await;
    let lab = lab(1, &catcher).await;
    let client = Client::of(&lab);
    let job = json!({"name": "went on", "operations": [{"kind": "wait", "seconds": 7}]});
    let accepted = client.submit(&job).await;
    eventually(LIMIT, "the job to run", async || client.job(accepted.id).await?.worker).await;
    stop_broker_for_longer_than_the_ack_wait(&lab).await;

    let ended = client.ended(accepted.id, LIMIT).await;
    assert_eq!((ended.state, ended.attempts, ended.interruptions), (JobState::Succeeded, 1, 0));
    let (_, spans) = client
        .whole_trace_where(&accepted.trace_id, LIMIT, |trace| {
            trace.only("process jobs.done.succeeded")?;
            let count = |name| trace.named(name).count();
            Ok::<_, String>((count("operation wait"), count(PROCESS)))
        })
        .await;
    assert_eq!(spans, (1, 1), "the redelivery was adopted: neither run again nor postponed");
}

/// Stops the broker and starts it after the ack wait: messages in flight are redelivered.
async fn stop_broker_for_longer_than_the_ack_wait(lab: &LabUnderTest) {
    lab.stop(Part::Nats).await.expect("the broker runs");
    // Not a wait for a condition: the tests need the broker to be down for this long.
    tokio::time::sleep(ACK_WAIT + Duration::from_secs(1)).await;
    lab.start(Part::Nats).await.expect("the broker starts again");
}

/// The part whose process has this instance name, which holds its process id.
fn part_of(lab: &LabUnderTest, worker: &str) -> Part {
    let parts = lab.parts();
    let found = parts.iter().find(|status| {
        status.pid.is_some_and(|pid| worker.split('-').any(|token| token == pid.to_string()))
    });
    found.unwrap_or_else(|| panic!("{worker} is not one of {parts:?}")).part
}
