//! Problems that several endpoints respond with.

use axum::http::StatusCode;
use runtime::problem::ProblemResponse;

/// 404.
pub(super) fn not_found(detail: &str) -> ProblemResponse {
    ProblemResponse::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
}
