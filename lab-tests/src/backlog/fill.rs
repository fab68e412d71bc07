//! Fills a lab with jobs that wait.

use std::time::Duration;

use contract::api::{JobAccepted, QueueList};
use futures_util::{StreamExt as _, stream};
use testkit::eventually;

use super::Side;

/// Submissions under way at once.
const AT_ONCE: usize = 64;
/// How long the ingester may take to bring the last of them into the queue.
const SETTLE_LIMIT: Duration = Duration::from_mins(5);
const JOB: &str = r#"{"name":"waits","operations":[{"kind":"add","inputs":[1,2]}]}"#;

/// Submits a job that must be taken.
pub(super) async fn submit(http: &reqwest::Client, gateway: &str) -> JobAccepted {
    let post = http.post(format!("{gateway}/v1/jobs")).header("content-type", "application/json");
    let answer = post.body(JOB).send().await.expect("the gateway answers");
    let (status, text) = (answer.status(), answer.text().await.expect("a whole answer"));
    assert_eq!(status, 202, "{text}");
    serde_json::from_str(&text).expect("a JobAccepted")
}

/// Submits `jobs` more.
pub(super) async fn fill(side: &Side, jobs: usize) {
    let gateway = side.lab.gateway_url();
    let all = stream::iter(0..jobs).map(|_| submit(&side.http, &gateway));
    all.buffer_unordered(AT_ONCE).for_each(async |_| ()).await;
}

/// Waits until all `jobs` wait for the processor; answers how many do.
pub(super) async fn settle(side: &Side, jobs: usize) -> u64 {
    let waiting = eventually(SETTLE_LIMIT, "all jobs wait for the processor", async || {
        let answer =
            side.http.get(side.url("/v1/queues")).send().await.map_err(|e| e.to_string())?;
        let queues: QueueList = answer.json().await.map_err(|error| error.to_string())?;
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
