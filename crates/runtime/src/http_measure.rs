//! Metrics of HTTP requests: duration, route, status.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    middleware::Next,
    response::Response,
};
use contract::signals::HTTP_SERVER_REQUEST_DURATION;
use opentelemetry::trace::SpanContext;
use telemetry::Metrics;

/// The route of requests that have none. No path from outside becomes a label.
const NO_ROUTE: &str = "unmatched";
/// The label of unknown methods, from the semantic conventions.
const OTHER_METHOD: &str = "_OTHER";

/// Handles `request` and measures it. `span_of` returns the span for the exemplar, if there is one.
pub async fn measured(
    metrics: &Metrics,
    request: Request,
    next: Next,
    span_of: impl Fn(&Response) -> Option<SpanContext>,
) -> Response {
    let started = Instant::now();
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let status = response.status();
    let seconds = started.elapsed().as_secs_f64();
    let labels = [method, route, status.as_str()];
    let span = span_of(&response).unwrap_or(SpanContext::NONE);
    metrics.observe_for(&HTTP_SERVER_REQUEST_DURATION, &labels, seconds, &span);
    response
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER_METHOD,
    }
}
