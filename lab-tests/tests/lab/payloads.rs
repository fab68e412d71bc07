//! Specs and results of small and large jobs are stored in different places and look the same to the submitter.

use std::time::Duration;

use async_nats::jetstream;
use contract::{
    api::JobView,
    operation::Add,
    result::OperationOutcome,
    state::JobState,
    topology::{LIMITED_STORES, PAYLOADS},
};
use lab_tests::{Client, waybill};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::LabUnderTest;

const LIMIT: Duration = Duration::from_mins(1);
/// The stream behind the bucket of results.
const RESULTS: &str = LIMITED_STORES[1];

/// A job of `additions` additions and a division by zero.
fn failing(additions: usize) -> Value {
    let mut operations = vec![json!({"kind": "add", "inputs": [1.5, 2]}); additions];
    operations.push(json!({"kind": "divide", "inputs": [1, 0]}));
    json!({"name": "documents", "operations": operations})
}

async fn stored(lab: &LabUnderTest, stream: &str) -> u64 {
    let client = async_nats::connect(lab.nats_url()).await.expect("the broker is there");
    let stream = jetstream::new(client).get_stream(stream).await.expect("it is there");
    stream.cached_info().state.messages
}

fn check(ended: &JobView, additions: usize) {
    assert_eq!(ended.state, JobState::Failed);
    let results = ended.results.as_ref().expect("it has results");
    let (last, sums) = results.split_last().expect("it has some");
    assert_eq!(sums.len(), additions);
    for sum in sums {
        assert_eq!(sum.operation, Add { inputs: vec![1.5, 2.0] }.into());
        assert_eq!(sum.result, Some(OperationOutcome::Value(json!(3.5))));
    }
    assert!(matches!(&last.result, Some(OperationOutcome::Error(_))), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_and_large_jobs_are_returned_and_retried_in_the_same_way() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    for (additions, documents) in [(1, 0), (40, 1)] {
        let (inputs, results) = (stored(&lab, PAYLOADS.name).await, stored(&lab, RESULTS).await);
        let id = client.submit(&failing(additions)).await.id;
        let first = client.ended(id, LIMIT).await;
        check(&first, additions);
        assert_eq!(stored(&lab, PAYLOADS.name).await - inputs, documents, "{additions} additions");
        assert_eq!(stored(&lab, RESULTS).await - results, documents, "{additions} additions");

        let (status, view) = client.order(&format!("jobs/{id}/retry"), None).await;
        assert_eq!((status, &view["round"]), (StatusCode::ACCEPTED, &json!(1)));
        let again = client.ended_in_round(id, 1, LIMIT).await;
        check(&again, additions);
        assert_eq!((&again.trace_id, &again.name), (&first.trace_id, &first.name));
    }
}
