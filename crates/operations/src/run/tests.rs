//! Operations of every kind as the worker sees them: values, limits, progress, cancel.

use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::json;
use tokio::time::timeout;

use super::{
    testing::{LIMIT, TileList, context, context_of, failure},
    *,
};
use crate::{Divide, Hash, OperationKind};

/// Random operations of each kind in a test.
const OF_EACH_KIND: u64 = 3;

fn random_operations() -> Vec<Operation> {
    let rngs = (0..OF_EACH_KIND).map(StdRng::seed_from_u64);
    rngs.flat_map(|mut rng| OperationKind::ALL.map(|kind| kind.random(&mut rng))).collect()
}

#[tokio::test]
async fn random_operations_of_every_kind_return_a_value_and_end_at_progress_1() {
    for operation in random_operations() {
        let (context, progress) = context();
        let value = timeout(LIMIT, operation.run(&context)).await.unwrap();
        let value = value.unwrap_or_else(|error| panic!("{operation:?}: {error}"));
        assert_eq!(value["tile"].is_string(), operation.kind().has_image(), "{operation:?}");
        assert_eq!(progress.borrow().to_bits(), 1.0_f32.to_bits(), "{operation:?}");
    }
}

#[tokio::test]
async fn limits_hold_even_for_unchecked_operations() {
    for json in [
        json!({"kind": "primes", "below": 50_000_001}),
        json!({"kind": "hash", "text": "x", "rounds": 10_000_001}),
        json!({"kind": "wait", "seconds": -1.0}),
        json!({"kind": "wait", "seconds": 1e300}),
        json!({"kind": "add", "inputs": [1]}),
        json!({"kind": "render", "width": 4096, "height": 4096, "center": [0, 0], "zoom": 1}),
    ] {
        let operation: Operation = serde_json::from_value(json).unwrap();
        let error = failure(operation).await;
        assert!(error.starts_with("operation"), "{error}");
    }
}

#[tokio::test]
async fn an_error_of_an_operation_is_not_an_internal_error_and_never_reports_the_end() {
    let (context, progress) = context();
    let divide = Operation::from(Divide { inputs: vec![1.0, 0.0] });
    let error = divide.run(&context).await.unwrap_err();
    assert!(matches!(error, OperationError::Failed(_)), "{error:?}");
    assert!(*progress.borrow() < 1.0);
}

#[tokio::test]
async fn progress_only_grows() {
    let (context, progress) = context();
    let reports = [(0.25, 0.25), (0.1, 0.25), (0.5, 0.5), (f32::NAN, 0.5), (-1.0, 0.5), (7.0, 1.0)];
    for (report, expected) in reports {
        context.progress(report);
        assert_eq!(progress.borrow().to_bits(), f32::to_bits(expected), "{report}");
    }

    let hash = Operation::from(Hash { text: "x".to_owned(), rounds: 40_000 });
    let (context, mut progress, _) = context_of(TileList::open());
    let work = tokio::spawn(async move { hash.run(&context).await.unwrap() });
    let mut parts = vec![0.0];
    while timeout(LIMIT, progress.changed()).await.unwrap().is_ok() {
        parts.push(*progress.borrow_and_update());
    }
    work.await.unwrap();
    assert!(parts.is_sorted() && parts.len() > 2, "{parts:?}");
    assert_eq!(parts.last().map(|part| part.to_bits()), Some(1.0_f32.to_bits()));
}

#[tokio::test]
async fn a_cancelled_operation_does_not_start() {
    for operation in OperationKind::ALL.map(OperationKind::example) {
        let (context, progress, cancel) = context_of(TileList::open());
        cancel.cancel();
        let error = operation.run(&context).await.unwrap_err();
        assert!(matches!(error, OperationError::Cancelled), "{error:?}");
        assert_eq!(progress.borrow().to_bits(), 0);
    }
}
