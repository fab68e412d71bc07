//! Measures every request to pages and API: how long, which route, which answer. It makes no span: nobody
//! wants a trace of a page that asks for itself every two seconds.

use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::Response;
use contract::signals::HTTP_SERVER_REQUEST_DURATION;
use telemetry::Metrics;

/// The route of requests that have none. No path from outside becomes a label.
const NO_ROUTE: &str = "unmatched";
/// The method of requests with one that no page takes, as the semantic conventions have it.
const OTHER_METHOD: &str = "_OTHER";

/// Measures what `router` answers.
pub(crate) fn measure(router: Router, metrics: Metrics) -> Router {
    router.layer(middleware::from_fn_with_state(metrics, one))
}

async fn one(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let status = response.status();
    let seconds = started.elapsed().as_secs_f64();
    metrics.observe(&HTTP_SERVER_REQUEST_DURATION, &[method, route, status.as_str()], seconds);
    response
}

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER_METHOD,
    }
}
