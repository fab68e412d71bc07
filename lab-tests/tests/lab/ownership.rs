//! Who may speak for a running job, when workers sleep and the broker goes away.

use std::{collections::BTreeSet, time::Duration};

use contract::state::JobState;
use lab::Part;
use lab_tests::{Client, waybill};
use serde_json::json;
use testkit::{LabUnderTest, WebhookCatcher, eventually};

const LIMIT: Duration = Duration::from_secs(30);
const PROCESS: &str = "process jobs.todo.wait";
const ACK_WAIT: Duration = Duration::from_secs(2);

async fn lab(processors: u16, catcher: &WebhookCatcher) -> LabUnderTest {
    lab_with(processors, catcher, &[]).await
}

async fn lab_with(processors: u16, catcher: &WebhookCatcher, env: &[(&str, &str)]) -> LabUnderTest {
    LabUnderTest::start_with(&waybill(), |options| {
        options.processors = processors;
        options.env.extend(env.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        options.env.push(("WAYBILL_WEBHOOK_ALLOW".into(), catcher.authority()));
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), ACK_WAIT.as_secs().to_string()));
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_slept_through_its_job_wakes_up_fenced_and_changes_nothing() {
    let catcher = WebhookCatcher::start().await;
    let lab = lab(2, &catcher).await;
    let client = Client::of(&lab);
    let job = json!({
        "name": "slept through",
        "operations": [{"kind": "wait", "seconds": 3}],
        "notify": {"channel": "webhook", "url": catcher.url("/ledger")},
    });
    let accepted = client.submit(&job).await;
    let worker = eventually(LIMIT, "a worker to have the job", async || {
        client.job(accepted.id).await?.worker
    })
    .await;
    let owner = owner_of(&lab, &worker);
    lab.pause(owner).await.expect("the owner runs");
    let ended = client.ended(accepted.id, LIMIT).await;
    assert_eq!((ended.state, ended.attempts, ended.interruptions), (JobState::Succeeded, 1, 1));
    lab.resume(owner).await.expect("the owner is only held still");

    client
        .whole_trace_where(&accepted.trace_id, LIMIT, |trace| {
            let verdicts = trace.values(PROCESS, "waybill.verdict");
            if verdicts.contains(&"fenced".to_owned()) { Ok(()) } else { Err(verdicts) }
        })
        .await;
    let after = client.job(accepted.id).await.expect("the job is known");
    assert_eq!((after.state, after.times.finished_ms), (ended.state, ended.times.finished_ms));
    let effects: BTreeSet<_> = catcher.received().iter().map(|hook| hook.body.clone()).collect();
    assert_eq!(effects.len(), 1, "every notice tells of the same run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_worker_leaves_the_message_to_the_new_owner() {
    let catcher = WebhookCatcher::start().await;
    let lab = lab(2, &catcher).await;
    let client = Client::of(&lab);
    let job = json!({"name": "handed over twice", "operations": [{"kind": "wait", "seconds": 8}]});
    let accepted = client.submit(&job).await;
    let worker = async |other_than: &str| {
        let worker =
            async || client.job(accepted.id).await?.worker.filter(|worker| worker != other_than);
        eventually(LIMIT, "another worker to have the job", worker).await
    };
    let first = worker("").await;
    lab.pause(owner_of(&lab, &first)).await.expect("the owner runs");
    let second = owner_of(&lab, &worker(&first).await);
    lab.resume(owner_of(&lab, &first)).await.expect("the first owner is only held still");
    eventually(LIMIT, "the first owner to be fenced", async || {
        let trace = client.trace(&accepted.trace_id).await?;
        trace.values(PROCESS, "waybill.verdict").into_iter().find(|verdict| verdict == "fenced")
    })
    .await;
    // Had the first owner acked, nobody would get the message of the one that dies now.
    lab.kill(second).await.expect("the second owner runs");
    let ended = client.ended(accepted.id, Duration::from_mins(1)).await;
    assert_eq!((ended.state, ended.attempts, ended.interruptions), (JobState::Succeeded, 1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_over_from_a_worker_that_lives_when_the_broker_delivers_again() {
    let catcher = WebhookCatcher::start().await;
    // The owner has no slot left for the redelivery: it goes to the other worker, which is idle.
    let lab = lab_with(2, &catcher, &[("WAYBILL_SLOTS", "1")]).await;
    let client = Client::of(&lab);
    let job = json!({"name": "stayed", "operations": [{"kind": "wait", "seconds": 12}]});
    let accepted = client.submit(&job).await;
    let worker = async || client.job(accepted.id).await?.worker;
    let holder = eventually(LIMIT, "the job to run", worker).await;
    away_for_longer_than_the_ack_wait(&lab).await;
    let ended = client.ended(accepted.id, LIMIT).await;
    assert_eq!((ended.state, ended.attempts, ended.interruptions), (JobState::Succeeded, 1, 0));
    client
        .whole_trace_where(&accepted.trace_id, LIMIT, |trace| {
            let reasons = trace.values(PROCESS, "waybill.reason");
            if reasons.contains(&"owned_elsewhere".to_owned()) { Ok(()) } else { Err(reasons) }
        })
        .await;
    let log = [Part::Processor(1), Part::Processor(2)].map(|part| lab.log_tail(part)).concat();
    let mut told = log.lines().filter(|line| line.contains("\"retry\""));
    assert!(
        told.any(|line| line.contains("owned_elsewhere")
            && line.contains(&format!("postponed, leased by {holder}, "))),
        "no line says why the message was postponed: {log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_goes_on_while_the_broker_is_away_for_longer_than_the_ack_wait() {
    let catcher = WebhookCatcher::start().await;
    let lab = lab(1, &catcher).await;
    let client = Client::of(&lab);
    let job = json!({"name": "went on", "operations": [{"kind": "wait", "seconds": 7}]});
    let accepted = client.submit(&job).await;
    eventually(LIMIT, "the job to run", async || client.job(accepted.id).await?.worker).await;
    away_for_longer_than_the_ack_wait(&lab).await;

    let ended = client.ended(accepted.id, LIMIT).await;
    assert_eq!((ended.state, ended.attempts, ended.interruptions), (JobState::Succeeded, 1, 0));
    let (_, spans) = client
        .whole_trace_where(&accepted.trace_id, LIMIT, |trace| {
            trace.only("process jobs.done.succeeded")?;
            let count = |name| trace.named(name).count();
            Ok::<_, String>((count("operation wait"), count(PROCESS)))
        })
        .await;
    assert_eq!(spans, (1, 1), "the redelivery was adopted: neither run again nor put off");
}

/// Stops the broker and starts it again: whatever is in hand is delivered again.
async fn away_for_longer_than_the_ack_wait(lab: &LabUnderTest) {
    lab.stop(Part::Nats).await.expect("the broker runs");
    // Not a wait for a condition: the broker's absence is what the tests are about.
    tokio::time::sleep(ACK_WAIT + Duration::from_secs(1)).await;
    lab.start(Part::Nats).await.expect("the broker starts again");
}

/// The part whose process has this instance name, which holds its process id.
fn owner_of(lab: &LabUnderTest, worker: &str) -> Part {
    let parts = lab.parts();
    let found = parts.iter().find(|status| {
        status.pid.is_some_and(|pid| worker.split('-').any(|token| token == pid.to_string()))
    });
    found.unwrap_or_else(|| panic!("{worker} is none of {parts:?}")).part
}
