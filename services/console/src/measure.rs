//! Measures every request to pages and API. Requests have no spans: pages refresh every two seconds, and their traces would
//! be of no use.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use runtime::http_measure::measured;
use telemetry::Metrics;

/// Measures the requests to `router`.
pub(crate) fn measure(router: Router, metrics: Metrics) -> Router {
    router.layer(middleware::from_fn_with_state(metrics, one))
}

async fn one(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    measured(&metrics, request, next, |_| None).await
}
