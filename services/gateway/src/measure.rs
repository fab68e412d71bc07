//! Measures every request: how long, which route, which answer.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use contract::signals::HTTP_SERVER_REQUEST_DURATION;
use opentelemetry::trace::SpanContext;

use crate::{app::App, server_span::ServerSpan};

/// The route of requests that have none. No path from outside becomes a label.
const NO_ROUTE: &str = "unmatched";
/// The method of requests with one that nobody knows, as the semantic conventions have it.
const OTHER_METHOD: &str = "_OTHER";

pub(crate) async fn measure(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let status = response.status();
    let labels = [method, route, status.as_str()];
    let seconds = started.elapsed().as_secs_f64();
    let none = SpanContext::NONE;
    let span = response.extensions().get::<ServerSpan>().map_or(&none, |span| &span.0);
    app.vitals.metrics.observe_for(&HTTP_SERVER_REQUEST_DURATION, &labels, seconds, span);
    response
}

fn known(method: &Method) -> &'static str {
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
