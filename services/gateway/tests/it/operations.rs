//! The operations of a job: where each is, what came of it, and the pictures.

use contract::{
    api::{OperationList, OperationState, OperationView},
    operation::OperationKind,
    propagation::TraceParent,
    record::Progress,
    state::JobState,
    topology::RESULTS_BUCKET,
};
use jobs::results::Results;
use serde_json::json;

use crate::rig::{Rig, problem};

const MIXED: &str = r#"{"name":"m","operations":[{"kind":"add","inputs":[1,2]},{"kind":"wait","seconds":9},{"kind":"divide","inputs":[1,0]}]}"#;

async fn operations(rig: &Rig, job: contract::JobId) -> Vec<OperationView> {
    let answer = rig.get(&format!("/v1/jobs/{job}/operations")).send().await.unwrap();
    let list: OperationList = answer.error_for_status().unwrap().json().await.unwrap();
    list.operations
}

fn states(operations: &[OperationView]) -> Vec<OperationState> {
    operations.iter().map(|operation| operation.state).collect()
}

use OperationState::{Done, Failed, Running, Skipped, Waiting};

#[tokio::test]
async fn operations_have_a_state_from_the_queue_to_the_end() {
    let rig = Rig::start().await;
    let accepted = rig.submit(MIXED).await.id;
    let bare = operations(&rig, accepted).await;
    assert_eq!((states(&bare), bare[0].kind), (vec![Waiting; 3], Some(OperationKind::Add)));
    let job = rig.queued(MIXED).await.id;
    let waiting = operations(&rig, job).await;
    assert_eq!(states(&waiting), [Waiting; 3]);
    assert_eq!(waiting[1].kind.unwrap().name(), "wait");

    let span = TraceParent { trace_id: 1, span_id: 1, sampled: true };
    rig.change(job, |record| {
        record.state = JobState::Running;
        let kind = waiting[1].kind.unwrap();
        record.progress = Some(Progress {
            operation: 1,
            kind,
            part: 0.25,
            span,
            started_at_ns: 0,
            child_at_ns: 0,
        });
    })
    .await;
    let running = operations(&rig, job).await;
    assert_eq!((states(&running), running[1].progress), (vec![Done, Running, Waiting], Some(0.25)));

    let results = json!([
        {"operation": {"kind": "add", "inputs": [1, 2]}, "value": 3, "milliseconds": 0.5},
        {"operation": {"kind": "divide", "inputs": [1, 0]}, "error": "division by zero"},
        {"operation": {"kind": "wait", "seconds": 9}},
    ]);
    let bucket = rig.jetstream.get_key_value(RESULTS_BUCKET).await.unwrap();
    bucket.put(format!("{job}/0.1.0"), results.to_string().into()).await.unwrap();
    rig.change(job, |record| {
        (record.state, record.run) = (JobState::Failed, Some("0.1.0".into()));
    })
    .await;
    assert_eq!(states(&operations(&rig, job).await), [Done, Failed, Skipped]);
    let one = rig.get(&format!("/v1/jobs/{job}/operations/1")).send().await.unwrap();
    let one: serde_json::Value = one.json().await.unwrap();
    assert_eq!((&one["state"], &one["error"]), (&json!("failed"), &json!("division by zero")));

    for (path, status) in [("3", 404), ("x", 400), ("-1", 400), ("0/image", 404)] {
        let answer = rig.get(&format!("/v1/jobs/{job}/operations/{path}")).send().await.unwrap();
        problem(answer, status).await;
    }
}

#[tokio::test]
async fn a_rendered_tile_is_sent_completely() {
    let rig = Rig::start().await;
    let render = r#"{"name":"r","operations":[{"kind":"render","width":9,"height":9,"center":[0,0],"zoom":1}]}"#;
    let job = rig.queued(render).await.id;
    let operation = json!({"kind": "render", "width": 9, "height": 9, "center": [0, 0], "zoom": 1});
    let results = json!([{"operation": operation, "value": {"tile": "t"}}]);
    let bucket = rig.jetstream.get_key_value(RESULTS_BUCKET).await.unwrap();
    bucket.put(format!("{job}/0.1.0"), results.to_string().into()).await.unwrap();
    rig.change(job, |record| {
        (record.state, record.run) = (JobState::Succeeded, Some("0.1.0".into()));
    })
    .await;
    let image = operations(&rig, job).await.remove(0).image.unwrap();
    problem(rig.get(&image).send().await.unwrap(), 404).await;
    let png: Vec<u8> = (0..600_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let results = Results::open(&rig.jetstream).await.unwrap();
    results.put_tile(job, "0.1.0", 0, &png).await.unwrap();
    let answer = rig.get(&image).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(answer.headers()["content-length"], "600000");
    assert!(answer.bytes().await.unwrap() == png);
}
