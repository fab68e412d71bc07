//! The canary.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::state::ConsoleState;

/// `GET /api/canary`: the latest result; `every_seconds` is null if the canary is off.
pub(super) async fn latest(State(state): State<ConsoleState>) -> Json<Value> {
    let every = state.canary.every().map(|every| every.as_secs());
    let latest = state.canary.latest().map(|report| {
        let job = report.job.as_ref();
        json!({
            "seconds_ago": report.done.elapsed().as_secs_f64(),
            "passed": report.failed().next().is_none(),
            "job_id": job.map(|job| job.id.as_str()),
            "trace_id": job.map(|job| job.trace),
            "checks": report.checks,
        })
    });
    Json(json!({"every_seconds": every, "latest": latest}))
}
