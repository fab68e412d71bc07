//! Fills a lab with waiting jobs.

use std::time::Duration;

use client::{GatewayClient, JobRequest};
use contract::api::JobAccepted;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use testkit::eventually;

use super::MeasuredLab;

/// Concurrent submissions.
const CONCURRENT_SUBMISSIONS: usize = 64;
/// Timeout for the ingester to queue all jobs.
const QUEUED_TIMEOUT: Duration = Duration::from_mins(5);

/// Submits a job; panics if it is not accepted.
pub(super) async fn submit(gateway: &GatewayClient) -> JobAccepted {
    let job = json!({"name": "waits", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    gateway.submit(&JobRequest::new(job)).await.expect("the gateway accepts the job")
}

/// Submits `jobs` jobs.
pub(super) async fn fill(lab: &MeasuredLab, jobs: usize) {
    let all = stream::iter(0..jobs).map(|_| submit(&lab.gateway));
    all.buffer_unordered(CONCURRENT_SUBMISSIONS).for_each(async |_| ()).await;
}

/// Waits until at least `jobs` jobs are queued for the processor; returns their number.
pub(super) async fn wait_until_queued(lab: &MeasuredLab, jobs: usize) -> u64 {
    let waiting = eventually(QUEUED_TIMEOUT, "all jobs to be queued", async || {
        let queues = lab.gateway.queues().await.map_err(|error| error.to_string())?;
        let depth = |stream| {
            let of_stream = queues.queues.iter().filter(|queue| queue.store.stream == stream);
            of_stream.filter_map(|queue| queue.store.messages).sum::<u64>()
        };
        let (submitted, in_queue) = (depth("SUBMITTED"), depth("TODO"));
        if submitted == 0 && in_queue >= jobs as u64 {
            Ok(in_queue)
        } else {
            Err(format!("{submitted} in SUBMITTED, {in_queue} in TODO"))
        }
    })
    .await;
    assert_eq!(lab.queued_on_a_page().await, 50, "the newest jobs are listed as queued");
    waiting
}
