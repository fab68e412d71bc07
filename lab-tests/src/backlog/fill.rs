//! Fills a lab with jobs that wait.

use std::time::Duration;

use client::{GatewayClient, JobRequest};
use contract::api::JobAccepted;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use testkit::eventually;

use super::Side;

/// Submissions under way at once.
const AT_ONCE: usize = 64;
/// How long the ingester may take to bring the last of them into the queue.
const SETTLE_LIMIT: Duration = Duration::from_mins(5);

/// Submits a job that must be taken.
pub(super) async fn submit(gateway: &GatewayClient) -> JobAccepted {
    let job = json!({"name": "waits", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    gateway.submit(&JobRequest::new(job)).await.expect("the gateway accepts the job")
}

/// Submits `jobs` more.
pub(super) async fn fill(side: &Side, jobs: usize) {
    let all = stream::iter(0..jobs).map(|_| submit(&side.gateway));
    all.buffer_unordered(AT_ONCE).for_each(async |_| ()).await;
}

/// Waits until all `jobs` wait for the processor; answers how many do.
pub(super) async fn settle(side: &Side, jobs: usize) -> u64 {
    let waiting = eventually(SETTLE_LIMIT, "all jobs wait for the processor", async || {
        let queues = side.gateway.queues().await.map_err(|error| error.to_string())?;
        let depth = |stream| {
            let of_stream = queues.queues.iter().filter(|queue| queue.store.stream == stream);
            of_stream.filter_map(|queue| queue.store.messages).sum::<u64>()
        };
        let (before, waiting) = (depth("SUBMITTED"), depth("TODO"));
        if before == 0 && waiting >= jobs as u64 {
            Ok(waiting)
        } else {
            Err(format!("{before} {waiting}"))
        }
    })
    .await;
    assert_eq!(side.queued_on_a_page().await, 50, "the newest jobs are listed as queued");
    waiting
}
