//! A repeated event creates no second job, even after the broker has forgotten the message id.

use std::time::Duration;

use lab::Part;
use lab_tests::{Client, waybill};
use reqwest::StatusCode;
use serde_json::json;
use testkit::{LabUnderTest, eventually};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_event_is_discarded_even_after_a_broker_restart() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    let event = json!({
        "specversion": "1.0", "id": "order-1", "source": "/demo/shop", "type": "dev.waybill.job.submitted",
        "data": {"name": "once", "operations": [{"kind": "add", "inputs": [1, 2]}]},
    });
    let send = async || client.order("events", Some(&event)).await.0;
    assert_eq!(send().await, StatusCode::ACCEPTED);
    // The broker still knows the id of the message, and drops this one.
    assert_eq!(send().await, StatusCode::ACCEPTED);
    eventually(LIMIT, "the job to end", async || {
        let jobs = client.try_all_jobs().await?;
        (jobs.len() == 1 && jobs[0].state.is_terminal()).then_some(())
    })
    .await;
    lab.kill(Part::Nats).await.expect("the broker runs");
    // After a restart, a work queue knows only the ids of the messages that it still holds.
    eventually(LIMIT, "the broker to be back", async || send().await == StatusCode::ACCEPTED).await;
    eventually(LIMIT, "the repeat to be discarded", async || {
        let series = "waybill_events_discarded_total{reason=\"duplicate\"}";
        client.metric(lab.ports().ingester_admin, series).await.filter(|repeats| *repeats >= 1.0)
    })
    .await;
    // The discarded repeat was the last event: every job exists by now.
    let jobs = eventually(LIMIT, "the list", async || client.try_all_jobs().await).await;
    assert_eq!(jobs.iter().map(|job| job.name.as_str()).collect::<Vec<_>>(), ["once"]);
}
