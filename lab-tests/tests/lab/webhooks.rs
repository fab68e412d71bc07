//! A hanging webhook receiver delays only its own notifications, and none is lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    time::{Duration, Instant},
};

use contract::{JobId, state::JobState};
use lab_tests::{Client, waybill};
use serde_json::json;
use testkit::{LabUnderTest, ReceivedWebhook, WebhookReceiver, eventually};

const LIMIT: Duration = Duration::from_mins(2);
/// Timeout of a delivery attempt.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Jobs of each kind: more than the notifier has slots.
const JOBS: usize = 24;
/// Consecutive failures that open the breaker of a host, and one more in flight.
const ATTEMPTS_MAX: f64 = 6.0;
const OPEN: &str = "waybill_webhook_breakers_open";

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_delays_only_its_own_notifications_which_arrive_when_it_is_back() {
    // The system accepts connections; nothing responds.
    let hanging = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let dead = hanging.local_addr().expect("it was just bound").to_string();
    let well = WebhookReceiver::start().await;
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        let allow = format!("{dead},{}", well.authority());
        options.env.push(("WAYBILL_WEBHOOK_ALLOW".into(), allow));
        let limit = TIMEOUT.as_millis().to_string();
        options.env.push(("WAYBILL_WEBHOOK_TIMEOUT_MS".into(), limit));
    })
    .await;
    let (client, admin) = (Client::of(&lab), lab.ports().notifier_admin);
    let (dead_url, well_url) = (format!("http://{dead}/ledger"), well.url("/ledger"));

    let alone = submit(&client, &[&well_url]).await;
    let before = slowest(&well, &alone[0]).await;
    let mixed = submit(&client, &[&dead_url, &well_url]).await;
    let beside = slowest(&well, &mixed[1]).await;
    assert!(beside < before + TIMEOUT / 2, "{before:?} alone, {beside:?} beside a dead host");

    eventually(LIMIT, "the breaker to open", async || {
        let open = client.metric(admin, OPEN).await;
        if open == Some(1.0) { Ok(()) } else { Err(open) }
    })
    .await;
    let again = submit(&client, &[&well_url]).await;
    let later = slowest(&well, &again[0]).await;
    assert!(later < before + TIMEOUT / 2, "{before:?} alone, {later:?} while the breaker is open");

    drop(hanging);
    let back = WebhookReceiver::start_at(&dead).await;
    let hooks = arrived(&back, &mixed[0].iter().map(|(job, _)| *job).collect()).await;
    assert!(hooks.values().all(|hooks| hooks.len() == 1), "each effect once: {hooks:?}");
    eventually(LIMIT, "the breaker to close", async || {
        let open = client.metric(admin, OPEN).await;
        if open == Some(0.0) { Ok(()) } else { Err(open) }
    })
    .await;
    let failed = count(&client, admin, "failed").await;
    assert!(failed <= ATTEMPTS_MAX, "{failed} attempts were spent");
    assert!(count(&client, admin, "postponed").await >= (JOBS as f64) - ATTEMPTS_MAX);
    assert!(client.dead_letters().await.dead_letters.is_empty());
    let delivered = count(&client, admin, "delivered").await;
    let repeated = count(&client, admin, "repeated").await;
    assert!((delivered + repeated - (4 * JOBS) as f64).abs() < 0.5, "{delivered} + {repeated}");
}

/// Submits jobs, in turn for each of these receivers; returns the id and time of each.
async fn submit(client: &Client, urls: &[&str]) -> Vec<Vec<(JobId, Instant)>> {
    let mut jobs = vec![Vec::new(); urls.len()];
    for _ in 0..JOBS {
        for (url, jobs) in urls.iter().zip(&mut jobs) {
            let job = json!({
                "name": "notified",
                "operations": [{"kind": "add", "inputs": [1, 2]}],
                "notify": {"channel": "webhook", "url": url},
            });
            let at = Instant::now();
            jobs.push((client.submit(&job).await.id, at));
        }
    }
    let (id, _) = jobs[0][0];
    assert_eq!(client.ended(id, LIMIT).await.state, JobState::Succeeded);
    jobs
}

/// Waits for the notifications of all these jobs; returns the longest time since submission.
async fn slowest(catcher: &WebhookReceiver, jobs: &[(JobId, Instant)]) -> Duration {
    let hooks = arrived(catcher, &jobs.iter().map(|(job, _)| *job).collect()).await;
    let waits = jobs.iter().map(|(job, at)| hooks[job][0].at.saturating_duration_since(*at));
    waits.max().expect("there are jobs")
}

/// Waits for the notifications of all these jobs; returns every request, by job.
async fn arrived(
    catcher: &WebhookReceiver,
    jobs: &BTreeSet<JobId>,
) -> BTreeMap<JobId, Vec<ReceivedWebhook>> {
    eventually(LIMIT, "all notifications to arrive", async || {
        let mut by_job: BTreeMap<JobId, Vec<ReceivedWebhook>> = BTreeMap::new();
        for hook in catcher.received() {
            let id = hook.header("webhook-id").expect("every webhook has an id");
            let job =
                id.split(':').next().and_then(|job| job.parse().ok()).expect("it names the job");
            by_job.entry(job).or_default().push(hook);
        }
        by_job.retain(|job, _| jobs.contains(job));
        let missing = jobs.len() - by_job.len();
        if missing == 0 { Ok(by_job) } else { Err(format!("{missing} are missing")) }
    })
    .await
}

async fn count(client: &Client, admin: u16, outcome: &str) -> f64 {
    let series =
        format!("waybill_notifications_total{{channel=\"webhook\",outcome=\"{outcome}\"}}");
    client.metric(admin, &series).await.expect("the notifier serves its metrics")
}
