//! A connection that goes silent without an end: whoever is on it must notice by himself.

use std::time::Duration;

use contract::state::JobState;
use lab_tests::{
    Client,
    chaos::proxy::{Naming, Proxy, Weather},
    waybill,
};
use serde_json::json;
use testkit::{LabUnderTest, eventually};

/// Three signs of life without an answer, and a second to connect: about the ack wait of the lab.
const NOTICED: Duration = Duration::from_secs(12);
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_way_to_the_broker_went_silent_is_back_within_an_ack_wait() {
    let way = Proxy::start(Naming::Nats).await;
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        way.carry_to(options.ports.nats);
        let url = format!("nats://{}", way.address());
        options.env.push(("WAYBILL_NATS_URL".into(), url));
    })
    .await;
    let client = Client::of(&lab);
    let job = json!({"name": "silent", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    for stage in ["gateway", "processor"] {
        assert!(way.set(&format!("waybill-{stage}"), Weather::Silent) > 0, "{stage} is connected");
        let key = [("Idempotency-Key", stage)];
        let accepted = eventually(NOTICED, "the job to be accepted", async || {
            let (status, body) = client.try_submit(&job, &key).await.map_err(|e| e.to_string())?;
            let id = body["id"].as_str().and_then(|id| id.parse().ok());
            id.filter(|_| status == 202).ok_or_else(|| format!("{status} {body}"))
        })
        .await;
        assert_eq!(client.ended(accepted, LIMIT).await.state, JobState::Succeeded, "{stage}");
    }
}
