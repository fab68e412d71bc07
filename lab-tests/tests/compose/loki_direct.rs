//! The profile `loki-direct`: a worker that sends its log lines directly to Loki.

use std::time::Duration;

use contract::{signals::SLOTS, state::JobState};
use serde_json::json;

use crate::{
    backends::Backends,
    docker::{FullLab, Shape},
};

/// Timeout for a log line: it is pushed within ten seconds.
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn a_worker_of_the_profile_sends_its_log_lines_directly_to_loki_and_is_scraped_like_the_others()
 {
    // No other worker, so that this one runs the job.
    let shape = Shape { profile: Some("loki-direct"), ..Shape::with(0) };
    let lab = tokio::task::spawn_blocking(move || FullLab::new(shape)).await.unwrap();
    if !lab.has("loki") {
        eprintln!("NOT JUDGED: the profile loki-direct: Loki is not here");
        return;
    }
    tokio::task::block_in_place(|| lab.up());
    let parts = Backends::of(&lab);
    let job = json!({"name": "direct", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let accepted = parts.submit(&job, None).await;
    assert_eq!(parts.ended(&accepted).await.state, JobState::Succeeded);
    // Pushed lines are JSON and have the label `level`; those of the collector are text without it.
    let direct = "{service_name=\"processor\", level=~\".+\"} | json";
    parts.line(LIMIT, &format!("{direct} | trace_id=\"{}\"", accepted.trace_id)).await;
    let by_collector = "{service_name=\"processor\", level=\"\"}";
    parts.line(LIMIT, &format!("{by_collector} | trace_id=\"{}\"", accepted.trace_id)).await;
    parts.value(LIMIT, &format!("count({}{{stage=\"processor\"}}) == 1", SLOTS.name)).await;
}
