//! The console's webhook inbox as the receiver of a job's notification.

use std::time::Duration;

use contract::state::JobState;
use lab_tests::{Client, waybill};
use serde_json::{Value, json};
use testkit::{LabUnderTest, eventually};

const LIMIT: Duration = Duration::from_secs(20);
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// The webhooks in the inbox of this name, newest first.
async fn caught(lab: &LabUnderTest, name: &str) -> Option<Vec<Value>> {
    let url = format!("{}/api/hooks/{name}", lab.console_url());
    let answer = reqwest::get(url).await.ok()?.error_for_status().ok()?;
    answer.json::<Value>().await.ok()?["hooks"].as_array().cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_arrives_in_the_console_signed_and_retried_until_accepted() {
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_WEBHOOK_SECRET".into(), SECRET.into()));
    })
    .await;
    let client = Client::of(&lab);
    let address = |path: &str| format!("http://127.0.0.1:{}{path}", lab.ports().console);
    let job = |url: String| {
        json!({
            "name": "notified", "operations": [{"kind": "add", "inputs": [1, 2]}],
            "notify": {"channel": "webhook", "url": url},
        })
    };
    let accepted = client.submit(&job(address("/hooks/demo"))).await;
    assert_eq!(client.ended(accepted.id, LIMIT).await.state, JobState::Succeeded);
    let hooks = eventually(LIMIT, "the webhook", async || caught(&lab, "demo").await).await;
    let [hook] = &hooks[..] else { panic!("one webhook: {hooks:?}") };
    assert_eq!(hook["job_id"], accepted.id.to_string());
    assert_eq!(hook["trace_id"], accepted.trace_id);
    assert_eq!(hook["signature"], "valid", "{hook}");
    assert_eq!((&hook["event"], &hook["arrivals"]), (&json!("job.succeeded"), &json!(1)));

    client.submit(&job(address("/hooks/busy?answer=503&times=1&retry_after=1"))).await;
    eventually(LIMIT, "the second arrival", async || {
        let hooks = caught(&lab, "busy").await.ok_or("none yet")?;
        if hooks[0]["arrivals"] == 2 && hooks[0]["answer"] == 200 {
            Ok(hooks)
        } else {
            Err("arrived once")
        }
    })
    .await;
}
