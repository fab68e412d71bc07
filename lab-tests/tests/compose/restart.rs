//! A lab that is stopped or removed and started again keeps the data on its volumes.

use std::time::Duration;

use contract::{
    api::{JobAccepted, JobView},
    state::JobState,
};
use serde_json::{Value, json};

use crate::{
    backends::Backends,
    docker::{FullLab, Shape},
};

/// Timeout for telemetry.
const LIMIT: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn a_lab_that_is_stopped_or_removed_keeps_its_jobs_passwords_and_telemetry() {
    let lab = FullLab::started(Shape::with(1)).await;
    let parts = Backends::of(&lab);
    let done = finished(&parts, None, JobState::Succeeded).await;
    let dead = finished(&parts, Some("processor=error@9"), JobState::Dead).await;
    in_loki(&parts, &done).await;
    let passwords = passwords(&lab);
    // First `stop`, which keeps the containers, then `down`, which keeps only the volumes.
    for command in [&["stop"][..], &["down"]] {
        tokio::task::block_in_place(|| {
            // `down` would leave anonymous volumes behind.
            assert_eq!(lab.nameless_volumes(), [""; 0]);
            lab.run(command);
            lab.up();
        });
        let parts = Backends::of(&lab);
        assert_eq!(self::passwords(&lab), passwords, "the passwords stay, after {command:?}");
        is_still_known(&parts, &done, JobState::Succeeded).await;
        is_still_known(&parts, &dead, JobState::Dead).await;
        let dead_letters =
            parts.get(&format!("{}/v1/dead-letters", parts.gateway), &[]).await.unwrap();
        assert_eq!(
            dead_letters["dead_letters"].as_array().map(Vec::len),
            Some(1),
            "{dead_letters}"
        );
        in_loki(&parts, &done).await;
        if let Some(tempo) = &parts.tempo {
            let url = format!("{tempo}/api/v2/traces/{}", done.trace_id);
            parts.found(LIMIT, &url, &[], |answer| spans(&answer["trace"])).await;
        } else {
            eprintln!("NOT JUDGED: whether Tempo keeps its traces: it is not here");
        }
        let fresh = finished(&parts, None, JobState::Succeeded).await;
        in_loki(&parts, &fresh).await;
    }
}

async fn finished(parts: &Backends, fault: Option<&str>, ends: JobState) -> JobAccepted {
    let job = json!({
        "name": "kept", "attempts_max": 1, "operations": [{"kind": "add", "inputs": [1, 2]}],
    });
    let accepted = parts.submit(&job, fault).await;
    assert_eq!(parts.ended(&accepted).await.state, ends);
    accepted
}

async fn is_still_known(parts: &Backends, job: &JobAccepted, state: JobState) {
    let view = parts.get(&format!("{}/v1/jobs/{}", parts.gateway, job.id), &[]).await.unwrap();
    let view: JobView = serde_json::from_value(view).unwrap();
    assert_eq!((view.state, &view.trace_id), (state, &job.trace_id));
}

async fn in_loki(parts: &Backends, job: &JobAccepted) {
    parts
        .line(LIMIT, &format!("{{service_name=\"processor\"}} | trace_id=\"{}\"", job.trace_id))
        .await;
}

fn spans(trace: &Value) -> Result<(), String> {
    crate::backends::some(&trace["resourceSpans"])
}

/// A digest of the password file of the broker.
fn passwords(lab: &FullLab) -> String {
    let digest = ["exec", "-T", "nats", "sha256sum", "/etc/nats/secrets/passwords.conf"];
    tokio::task::block_in_place(|| lab.run(&digest))
}
