//! What the console knows, as JSON.

mod canary;
mod history;
mod hooks;
mod logs;
mod metrics;
mod pieces;
pub(crate) mod query;
mod status;
mod traces;

pub(crate) use traces::filter as trace_filter;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use runtime::problem::ProblemResponse;

use crate::start::Shared;

/// All paths below `/api`, and `/healthz`.
pub(crate) fn router() -> Router<Shared> {
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
        .route("/api/{*path}", get(unknown))
        .route("/healthz", get(|| async { "ok\n" }))
}

async fn unknown() -> ProblemResponse {
    not_found("No such endpoint; see /api/traces, /api/logs, /api/metrics, /api/status.")
}

/// 404.
fn not_found(detail: &str) -> ProblemResponse {
    ProblemResponse::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
}
