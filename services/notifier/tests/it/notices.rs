//! What a receiver's bad day costs a notice: attempts, time, and in the end a dead letter.

use std::collections::BTreeMap;

use contract::state::JobState;
use testkit::{Answer, WebhookCatcher, eventually};

use crate::rig::{LIMIT, Rig};

/// Failures in a row after which a host is left alone.
const FAILURES: usize = 5;
/// Probes that fail before the host is back.
const PROBES: usize = 2;
const JOBS: u8 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_away_costs_its_notices_no_attempts_and_others_no_time() {
    let (sick, well) = (WebhookCatcher::start().await, WebhookCatcher::start().await);
    sick.answer_with(vec![Answer::status(503); FAILURES + PROBES]);
    let allow = format!("{},{}", sick.authority(), well.authority());
    let rig = Rig::start(&allow, &[]).await;
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        jobs.push(rig.ended(number, &sick.url("/sick")).await);
    }
    eventually(LIMIT, "the host to be taken for away", async || match rig.away() {
        1 => Ok(()),
        other => Err(other),
    })
    .await;
    rig.ended(JOBS, &well.url("/well")).await;
    eventually(LIMIT, "the healthy host to be told", async || {
        if well.received().len() == 1 { Ok(()) } else { Err(rig.notices("postponed")) }
    })
    .await;
    let all = u64::from(JOBS) + 1;
    eventually(LIMIT, "all notices to be delivered", async || {
        let told = rig.notices("delivered") + rig.notices("repeated");
        if told == all && rig.away() == 0 { Ok(()) } else { Err((told, rig.away())) }
    })
    .await;

    let mut attempts = 0;
    for job in jobs {
        attempts += u64::from(rig.record(job).await.attempts.notifier);
    }
    // What was under way when the host was given up may have been answered by it, or not.
    assert_eq!(
        rig.notices("failed"),
        attempts,
        "only failures before it was given up are attempts"
    );
    assert!(attempts <= FAILURES as u64 + 1, "{attempts}");
    assert!(rig.notices("postponed") >= PROBES as u64);
    let mut ledger = BTreeMap::new();
    for hook in sick.received() {
        *ledger.entry(hook.header("webhook-id").unwrap().to_owned()).or_insert(0) += 1;
    }
    assert_eq!(ledger.len(), usize::from(JOBS));
    assert_eq!(ledger.values().sum::<usize>(), usize::from(JOBS) + FAILURES + PROBES);
    let repeated = ledger.values().filter(|times| **times > 1).count();
    assert_eq!(rig.notices("repeated"), repeated as u64, "{ledger:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_delivered_for_too_long_is_a_dead_letter_and_the_job_stays_as_it_ended() {
    let sick = WebhookCatcher::start().await;
    sick.answer_with(vec![Answer::status(500); 100]);
    let rig = Rig::start(&sick.authority(), &["--webhook-age-max-seconds", "1"]).await;
    let job = rig.ended(1, &sick.url("/")).await;
    eventually(LIMIT, "a dead letter", async || match rig.dead("notice_too_old") {
        1 => Ok(()),
        _ => Err(rig.notices("failed")),
    })
    .await;
    let record = rig.record(job).await;
    assert_eq!((record.state, record.failure), (JobState::Succeeded, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_says_whether_the_rules_or_the_receiver_refused() {
    let gone = WebhookCatcher::start().await;
    gone.answer_with([Answer::status(410)]);
    let rig = Rig::start(&gone.authority(), &[]).await;
    rig.ended(1, "http://127.0.0.1:9/").await;
    rig.ended(2, &gone.url("/")).await;
    eventually(LIMIT, "two dead letters", async || {
        match (rig.dead("address_refused"), rig.dead("notification_refused")) {
            (1, 1) => Ok(()),
            other => Err(other),
        }
    })
    .await;
    assert_eq!((rig.notices("refused"), gone.received().len()), (2, 1));
}
