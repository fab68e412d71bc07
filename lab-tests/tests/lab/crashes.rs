//! A process that aborts at each fault point of each stage: the job still ends, and only once.

use std::{collections::BTreeSet, time::Duration};

use contract::{Stage, state::JobState};
use lab_tests::{Client, waybill};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{LabUnderTest, WebhookReceiver, eventually};

const LIMIT: Duration = Duration::from_secs(90);
const BOUNDARIES: [&str; 4] = ["before_work", "after_effect", "after_publish", "before_ack"];
/// The notifier does not publish.
const STAGES: [(Stage, &str, &[&str]); 3] = [
    (Stage::Ingester, "ingester", &BOUNDARIES),
    (Stage::Processor, "processor", &BOUNDARIES),
    (Stage::Notifier, "notifier", &["before_work", "after_effect", "before_ack"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_fault_point_of_any_stage_neither_loses_nor_duplicates_a_job() {
    let catcher = WebhookReceiver::start().await;
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_WEBHOOK_ALLOW".into(), catcher.authority()));
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), "2".into()));
    })
    .await;
    let client = Client::of(&lab);
    let mut jobs = Vec::new();
    for (stage, name, boundaries) in STAGES {
        for boundary in boundaries {
            let before = restarts(&lab, name);
            let fault = format!("{stage}=crash:{boundary}@1");
            let job = json!({
                "name": fault,
                "operations": [{"kind": "add", "inputs": [1, 2]}],
                "notify": {"channel": "webhook", "url": catcher.url("/ledger")},
            });
            let id = client.submit_with(&job, &[("waybill-fault", &fault)]).await.id;
            eventually(LIMIT, &format!("{fault} to abort it"), async || {
                restarts(&lab, name) > before
            })
            .await;
            jobs.push((id, fault));
        }
    }
    for (id, fault) in &jobs {
        let ended = client.ended(*id, LIMIT).await;
        assert_eq!(
            (ended.state, ended.attempts),
            (JobState::Succeeded, 1),
            "{fault}: a crash spends no attempt"
        );
        let effects = eventually(LIMIT, &format!("a notification after {fault}"), async || {
            let seen = effects_of(&catcher, &id.to_string());
            if seen.is_empty() { None } else { Some(seen) }
        })
        .await;
        assert_eq!(
            effects.len(),
            1,
            "{fault}: every notification is about the same run: {effects:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_repeated_after_a_crash_of_the_gateway_creates_one_job() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    for boundary in BOUNDARIES {
        let before = restarts(&lab, "gateway");
        let job = json!({"name": boundary, "operations": [{"kind": "add", "inputs": [1, 2]}]});
        let (key, fault) = (("idempotency-key", boundary), format!("gateway=crash:{boundary}@1"));
        let cut = client.try_submit(&job, &[key, ("waybill-fault", &fault)]).await;
        assert!(cut.is_err(), "{fault}: {cut:?}");
        eventually(LIMIT, &format!("{fault} to abort it"), async || {
            restarts(&lab, "gateway") > before
        })
        .await;
        let jobs = async || {
            let all = client.try_all_jobs().await?;
            Some(all.into_iter().filter(|job| job.name == boundary).collect::<Vec<_>>())
        };
        if boundary != "before_work" {
            // A stored submission becomes a job even if the gateway did not write its record.
            eventually(LIMIT, &format!("the job of {fault} to end"), async || {
                let jobs = jobs().await.ok_or_else(Vec::new)?;
                if jobs.iter().any(|job| job.state.is_terminal()) { Ok(()) } else { Err(jobs) }
            })
            .await;
        }
        let id = eventually(LIMIT, &format!("the repeat after {fault}"), async || {
            let (status, answer) = client.try_submit(&job, &[key]).await.ok()?;
            (status == StatusCode::ACCEPTED).then(|| answer["id"].as_str().unwrap().to_owned())
        })
        .await;
        client.ended(id.parse().expect("an id"), LIMIT).await;
        let jobs = eventually(LIMIT, "the list", jobs).await;
        assert_eq!(jobs.len(), 1, "{fault}: {jobs:?}");
        assert_eq!((jobs[0].id.to_string(), jobs[0].state), (id, JobState::Succeeded), "{fault}");
    }
}

/// Number of restarts of the stage.
fn restarts(lab: &LabUnderTest, stage: &str) -> u32 {
    let parts = lab.parts().into_iter();
    let of_stage = parts.filter(|status| status.part.to_string().starts_with(stage));
    of_stage.map(|status| status.restarts).sum()
}

/// The notifications of a job: `webhook-id` and run of each, repetitions once.
fn effects_of(catcher: &WebhookReceiver, job: &str) -> BTreeSet<String> {
    let notifications = catcher.received().into_iter().filter_map(|hook| {
        let notification: Value = serde_json::from_slice(&hook.body).ok()?;
        let effect = format!("{} {}", hook.header("webhook-id")?, notification["data"]["run"]);
        (notification["data"]["id"] == job).then_some(effect)
    });
    notifications.collect()
}
