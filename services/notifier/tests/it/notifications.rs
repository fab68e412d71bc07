//! Notifications to a failing receiver: attempts spent, delay, and dead-lettering.

use std::collections::BTreeMap;

use contract::state::JobState;
use testkit::{WebhookReceiver, WebhookResponse, eventually};

use crate::rig::{LIMIT, Rig};

/// Failures in a row after which a host is not tried for a while.
const FAILURES: usize = 5;
/// Probes that fail before the host is back.
const PROBES: usize = 2;
const JOBS: u8 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_host_costs_its_notifications_no_attempts_and_others_no_time() {
    let (sick, well) = (WebhookReceiver::start().await, WebhookReceiver::start().await);
    sick.respond_with(vec![WebhookResponse::status(503); FAILURES + PROBES]);
    let allow = format!("{},{}", sick.authority(), well.authority());
    let rig = Rig::start(&allow, &[]).await;
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        jobs.push(rig.ended(number, &sick.url("/sick")).await);
    }
    eventually(LIMIT, "the breaker to open", async || match rig.away() {
        1 => Ok(()),
        other => Err(other),
    })
    .await;
    rig.ended(JOBS, &well.url("/well")).await;
    eventually(LIMIT, "the healthy host to be notified", async || {
        if well.received().len() == 1 { Ok(()) } else { Err(rig.notifications("postponed")) }
    })
    .await;
    let all = u64::from(JOBS) + 1;
    eventually(LIMIT, "all notifications to be delivered", async || {
        let delivered = rig.notifications("delivered") + rig.notifications("repeated");
        if delivered == all && rig.away() == 0 { Ok(()) } else { Err((delivered, rig.away())) }
    })
    .await;

    let mut attempts = 0;
    for job in jobs {
        attempts += u64::from(rig.record(job).await.attempts.notifier);
    }
    // Attempts in progress when the breaker opened may or may not have got a response.
    assert_eq!(
        rig.notifications("failed"),
        attempts,
        "only failures before the breaker opened are attempts"
    );
    assert!(attempts <= FAILURES as u64 + 1, "{attempts}");
    assert!(rig.notifications("postponed") >= PROBES as u64);
    let mut ledger = BTreeMap::new();
    for hook in sick.received() {
        *ledger.entry(hook.header("webhook-id").unwrap().to_owned()).or_insert(0) += 1;
    }
    assert_eq!(ledger.len(), usize::from(JOBS));
    assert_eq!(ledger.values().sum::<usize>(), usize::from(JOBS) + FAILURES + PROBES);
    let repeated = ledger.values().filter(|times| **times > 1).count();
    assert_eq!(rig.notifications("repeated"), repeated as u64, "{ledger:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_is_too_old_becomes_a_dead_letter_and_the_job_keeps_its_outcome() {
    let sick = WebhookReceiver::start().await;
    sick.respond_with(vec![WebhookResponse::status(500); 100]);
    let rig = Rig::start(&sick.authority(), &["--webhook-age-max-seconds", "1"]).await;
    let job = rig.ended(1, &sick.url("/")).await;
    eventually(LIMIT, "a dead letter", async || match rig.dead("notice_too_old") {
        1 => Ok(()),
        _ => Err(rig.notifications("failed")),
    })
    .await;
    let record = rig.record(job).await;
    assert_eq!((record.state, record.failure), (JobState::Succeeded, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_says_whether_the_rules_or_the_receiver_refused() {
    let gone = WebhookReceiver::start().await;
    gone.respond_with([WebhookResponse::status(410)]);
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
    assert_eq!((rig.notifications("refused"), gone.received().len()), (2, 1));
}
