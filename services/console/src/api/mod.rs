//! The console's data as JSON.

mod canary;
mod history;
mod hooks;
mod logs;
mod metrics;
mod otlp_json;
mod problem;
mod status;
mod traces;

use axum::Router;
use axum::routing::get;
use runtime::problem::ProblemResponse;

use crate::state::ConsoleState;

/// All paths below `/api`, and `/healthz`.
pub(crate) fn router() -> Router<ConsoleState> {
    Router::new()
        .route("/api/traces", get(traces::list))
        .route("/api/traces/{trace_id}", get(traces::one))
        .route("/api/logs", get(logs::list))
        .route("/api/metrics", get(metrics::list))
        .route("/api/metrics/history", get(history::history))
        .route("/api/metrics/targets", get(history::targets))
        .route("/api/canary", get(canary::latest))
        .route("/api/hooks", get(hooks::list))
        .route("/api/hooks/{name}", get(hooks::one))
        .route("/api/status", get(status::status))
        .route("/api/{*path}", get(no_such_endpoint))
        .route("/healthz", get(|| async { "ok\n" }))
}

async fn no_such_endpoint() -> ProblemResponse {
    problem::not_found("No such endpoint; see /api/traces, /api/logs, /api/metrics, /api/status.")
}
