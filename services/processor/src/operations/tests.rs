//! The operations as the worker sees them: values, limits, progress, cancel.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use contract::operation::{
    HASH_ROUNDS_MAX, OperationKind, PRIMES_BELOW_MAX, RENDER_ZOOM_MAX, WAIT_SECONDS_MAX,
};
use serde_json::json;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use super::*;

/// The longest any step of a test may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A store in memory that takes everything, or nothing.
struct TileList {
    tiles: Mutex<Vec<Vec<u8>>>,
    is_closed: bool,
}

impl TileStore for TileList {
    fn put(&self, png: Vec<u8>) -> Storing<'_> {
        Box::pin(async move {
            anyhow::ensure!(!self.is_closed, "the store is closed");
            let mut tiles = self.tiles.lock().unwrap();
            tiles.push(png);
            Ok(format!("tile-{}", tiles.len()))
        })
    }
}

fn context_with(is_closed: bool) -> (OperationContext, watch::Receiver<f32>, CancellationToken) {
    let (sender, progress) = watch::channel(0.0);
    let cancel = CancellationToken::new();
    let tiles = Arc::new(TileList { tiles: Mutex::new(Vec::new()), is_closed });
    (OperationContext::new(cancel.clone(), sender, tiles), progress, cancel)
}

pub(super) fn context() -> (OperationContext, watch::Receiver<f32>) {
    let (context, progress, _) = context_with(false);
    (context, progress)
}

fn operation(json: Value) -> Operation {
    serde_json::from_value(json).unwrap()
}

async fn value(json: Value) -> Result<Value, OperationError> {
    timeout(LIMIT, run(&operation(json), &context().0)).await.unwrap()
}

/// One of each kind, small.
fn small() -> Vec<(Operation, Value)> {
    let render =
        json!({"kind": "render", "width": 40, "height": 30, "center": [-0.5, 0], "zoom": 1});
    let hash = "4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358";
    [
        (json!({"kind": "add", "inputs": [2, 3]}), json!(5)),
        (json!({"kind": "subtract", "inputs": [2, 3]}), json!(-1)),
        (json!({"kind": "multiply", "inputs": [2, 3]}), json!(6)),
        (json!({"kind": "divide", "inputs": [3, 2]}), json!(1.5)),
        (json!({"kind": "primes", "below": 300_000}), json!(25_997)),
        (json!({"kind": "hash", "text": "abc", "rounds": 2}), json!(hash)),
        (json!({"kind": "wait", "seconds": 0.2}), json!(0.2)),
        (render, Value::Null),
    ]
    .map(|(json, value)| (operation(json), value))
    .to_vec()
}

/// One of each kind that takes a while, long enough to be cancelled in the middle.
fn large() -> Vec<Operation> {
    let deepest = json!({
        "kind": "render", "width": 256, "height": 256, "zoom": RENDER_ZOOM_MAX,
        "center": [-0.743_643_887_037_151, 0.131_825_904_205_330],
    });
    [
        json!({"kind": "primes", "below": PRIMES_BELOW_MAX}),
        json!({"kind": "hash", "text": "x", "rounds": HASH_ROUNDS_MAX}),
        json!({"kind": "wait", "seconds": WAIT_SECONDS_MAX}),
        deepest,
    ]
    .map(operation)
    .to_vec()
}

#[tokio::test]
async fn every_kind_returns_its_value_and_ends_at_progress_1() {
    let all = small();
    assert_eq!(all.len(), OperationKind::ALL.len());
    for (operation, expected) in all {
        let (context, progress) = context();
        let value = timeout(LIMIT, run(&operation, &context)).await.unwrap();
        let value = value.unwrap();
        if operation.kind() == OperationKind::Render {
            assert_eq!(value["tile"], "tile-1");
            assert_eq!((&value["width"], &value["height"]), (&json!(40), &json!(30)));
            assert!(value["bytes"].as_u64().unwrap() > 1_000);
        } else {
            assert_eq!(value, expected, "{}", operation.kind());
        }
        assert_eq!(progress.borrow().to_bits(), 1.0_f32.to_bits());
    }
}

#[tokio::test]
async fn limits_hold_even_for_unchecked_operations() {
    for json in [
        json!({"kind": "primes", "below": PRIMES_BELOW_MAX + 1}),
        json!({"kind": "hash", "text": "x", "rounds": HASH_ROUNDS_MAX + 1}),
        json!({"kind": "wait", "seconds": -1.0}),
        json!({"kind": "wait", "seconds": 1e300}),
        json!({"kind": "add", "inputs": [1]}),
        json!({"kind": "render", "width": 4096, "height": 4096, "center": [0, 0], "zoom": 1}),
    ] {
        let error = value(json.clone()).await.unwrap_err();
        assert!(matches!(error, OperationError::Failed(_)), "{json}: {error:?}");
    }
}

#[tokio::test]
async fn an_error_of_an_operation_is_not_an_internal_error_and_never_reports_the_end() {
    let (context, progress) = context();
    let divide = operation(json!({"kind": "divide", "inputs": [1, 0]}));
    let error = run(&divide, &context).await.unwrap_err();
    assert!(matches!(error, OperationError::Failed(_)), "{error:?}");
    assert!(*progress.borrow() < 1.0);
}

#[tokio::test]
async fn a_store_that_refuses_is_not_an_error_of_the_operation() {
    let (context, progress, _) = context_with(true);
    let render = small().pop().unwrap().0;
    let error = run(&render, &context).await.unwrap_err();
    let OperationError::Unavailable(cause) = error else {
        panic!("{error:?}");
    };
    assert_eq!(cause.to_string(), "the store is closed");
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

    let hash = operation(json!({"kind": "hash", "text": "x", "rounds": 40_000}));
    let (context, mut progress, _) = context_with(false);
    let work = tokio::spawn(async move { run(&hash, &context).await.unwrap() });
    let mut parts = vec![0.0];
    while timeout(LIMIT, progress.changed()).await.unwrap().is_ok() {
        parts.push(*progress.borrow_and_update());
    }
    work.await.unwrap();
    assert!(parts.is_sorted() && parts.len() > 2, "{parts:?}");
    assert_eq!(parts.last().map(|part| part.to_bits()), Some(1.0_f32.to_bits()));
}

/// How long `operation` goes on after its cancel.
async fn cancel_in_the_middle(operation: Operation) -> Duration {
    let (context, mut progress, cancel) = context_with(false);
    let kind = operation.kind();
    let work = tokio::spawn(async move { run(&operation, &context).await });
    if kind != OperationKind::Wait {
        let started = progress.wait_for(|part| *part > 0.0);
        timeout(LIMIT, started).await.unwrap().unwrap();
    }
    let cancelled = Instant::now();
    cancel.cancel();
    let error = timeout(LIMIT, work).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error, OperationError::Cancelled), "{kind}: {error:?}");
    cancelled.elapsed()
}

#[tokio::test]
async fn long_work_ends_within_100_ms_of_its_cancel() {
    for operation in large() {
        // A busy machine may be late once or twice; work that looks too seldom always is.
        let mut took = Vec::new();
        while took.len() < 10 && took.last().is_none_or(|took| *took > Duration::from_millis(100)) {
            took.push(cancel_in_the_middle(operation.clone()).await);
        }
        assert!(took.len() < 10, "{}: {took:?}", operation.kind());
    }
}

#[tokio::test]
async fn a_cancelled_operation_does_not_start() {
    for (operation, _) in small() {
        let (context, progress, cancel) = context_with(false);
        cancel.cancel();
        let error = run(&operation, &context).await.unwrap_err();
        assert!(matches!(error, OperationError::Cancelled), "{error:?}");
        assert_eq!(progress.borrow().to_bits(), 0);
    }
}
