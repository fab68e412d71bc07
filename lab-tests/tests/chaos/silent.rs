//! A connection that goes silent without being closed: its peers must detect that by timeout.

use std::time::Duration;

use contract::state::JobState;
use lab_tests::{
    Client,
    chaos::proxy::{Condition, Naming, Proxy},
    waybill,
};
use serde_json::json;
use testkit::{LabUnderTest, eventually};

/// Three unanswered pings and a second to reconnect: about the ack wait of the lab.
const RECOVERY_LIMIT: Duration = Duration::from_secs(12);
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_service_recovers_from_a_silent_broker_connection_within_an_ack_wait() {
    let proxy = Proxy::start(Naming::Nats).await;
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        proxy.forward_to(options.ports.nats);
        let url = format!("nats://{}", proxy.address());
        options.env.push(("WAYBILL_NATS_URL".into(), url));
    })
    .await;
    let client = Client::of(&lab);
    let job = json!({"name": "silent", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    for stage in ["gateway", "processor"] {
        assert!(
            proxy.set(&format!("waybill-{stage}"), Condition::Silent) > 0,
            "{stage} is connected"
        );
        let key = [("Idempotency-Key", stage)];
        let accepted = eventually(RECOVERY_LIMIT, "the job to be accepted", async || {
            let (status, body) = client.try_submit(&job, &key).await.map_err(|e| e.to_string())?;
            let id = body["id"].as_str().and_then(|id| id.parse().ok());
            id.filter(|_| status == 202).ok_or_else(|| format!("{status} {body}"))
        })
        .await;
        assert_eq!(client.ended(accepted, LIMIT).await.state, JobState::Succeeded, "{stage}");
    }
}
