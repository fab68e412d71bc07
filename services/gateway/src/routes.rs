//! Which call is answered by which handler, and what surrounds them all.

use std::sync::Arc;

use axum::{
    Router,
    http::{Method, StatusCode},
    middleware::from_fn_with_state,
    routing::{delete, get, post},
};
use contract::event::JSON;
use service::http_guard::{AllowedHosts, guard};

use crate::{
    app::App, dead_letters, error::ApiError, events, jobs, measure, queues, server_span, submit,
};

/// What the body of a raw event may be.
const EVENT_MEDIA: &[&str] = &[events::CLOUD_EVENT, JSON];

/// The whole HTTP API. `hosts` are the names it answers to.
///
/// From the outside in: measured, guarded, and for calls that change something a span.
pub(crate) fn router(app: Arc<App>, hosts: AllowedHosts) -> Router {
    let span = from_fn_with_state(app.clone(), server_span::open);
    let api = changing()
        .route_layer(span.clone())
        .merge(reading())
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .with_state(app.clone());
    let events = Router::new()
        .route("/v1/events", post(events::take).route_layer(span))
        .method_not_allowed_fallback(wrong_method)
        .with_state(app.clone());
    guard(api, hosts.clone())
        .merge(guard(events, hosts.media_types(EVENT_MEDIA)))
        .layer(from_fn_with_state(app, measure::measure))
}

/// Calls that change something. Each has a span of its own.
fn changing() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/jobs", post(submit::submit))
        .route("/v1/jobs/{id}/cancel", post(jobs::cancel))
        .route("/v1/jobs/{id}/retry", post(jobs::retry))
        .route("/v1/dead-letters/redrive", post(dead_letters::redrive_many))
        .route("/v1/dead-letters/{seq}", delete(dead_letters::remove))
        .route("/v1/dead-letters/{seq}/redrive", post(dead_letters::redrive))
}

/// Calls that only look. They make no spans.
fn reading() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/jobs", get(jobs::list))
        .route("/v1/jobs/{id}", get(jobs::show))
        .route("/v1/jobs/{id}/events", get(jobs::events))
        .route("/v1/jobs/{id}/operations", get(jobs::operations))
        .route("/v1/jobs/{id}/operations/{n}", get(jobs::operation))
        .route("/v1/jobs/{id}/operations/{n}/image", get(jobs::image))
        .route("/v1/queues", get(queues::queues))
        .route("/v1/dead-letters", get(dead_letters::list))
        .route("/v1/dead-letters/{seq}", get(dead_letters::show))
}

async fn nothing_here() -> ApiError {
    ApiError::not_found("This address is none of the API's.")
}

async fn wrong_method(method: Method) -> ApiError {
    let title = "This address has no such method";
    let detail = format!("{method} is not allowed here; header Allow lists what is.");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title, detail)
}
