//! Which call is answered by which handler, and what surrounds them all.

use std::sync::Arc;

use axum::{
    Router,
    http::{Method, StatusCode},
    middleware::from_fn_with_state,
};
use contract::event::JSON;
use runtime::http_guard::{AllowedHosts, guard};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App, broker_truth, dead_letters, error::ApiError, events, jobs, measure, openapi, queues,
    server_span, submit,
};

/// What the body of a raw event may be.
const EVENT_MEDIA: &[&str] = &[events::CLOUD_EVENT, JSON];

/// The whole HTTP API. `hosts` are the names it answers to.
///
/// From the outside in: measured, guarded, and for calls that change something a span.
pub(crate) fn router(app: Arc<App>, hosts: AllowedHosts) -> Router {
    let span = from_fn_with_state(app.clone(), server_span::open);
    let events = taking_events().route_layer(span.clone());
    let (events, about_events) = events.split_for_parts();
    let calls = OpenApiRouter::with_openapi(openapi::bare());
    let truth = from_fn_with_state(app.clone(), broker_truth::name_read);
    let changing = changing().route_layer(span);
    let calls = calls.merge(changing).merge(reading().route_layer(truth));
    let (calls, mut about) = calls.split_for_parts();
    about.merge(about_events);
    let calls = calls
        .merge(openapi::routes(about))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .with_state(app.clone());
    let events = events.method_not_allowed_fallback(wrong_method).with_state(app.clone());
    guard(calls, hosts.clone())
        .merge(guard(events, hosts.media_types(EVENT_MEDIA)))
        .layer(from_fn_with_state(app, measure::measure))
}

/// The call that takes other bodies than the rest.
fn taking_events() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(events::take))
}

/// Calls that change something. Each has a span of its own.
fn changing() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(submit::submit))
        .routes(routes!(jobs::cancel::cancel))
        .routes(routes!(jobs::retry::retry))
        .routes(routes!(dead_letters::redrive_batch::redrive_many))
        .routes(routes!(dead_letters::one::remove))
        .routes(routes!(dead_letters::redrive::redrive))
}

/// Calls that only look. They make no spans.
fn reading() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(jobs::list::list))
        .routes(routes!(jobs::show::show))
        .routes(routes!(jobs::events::events))
        .routes(routes!(jobs::operations::operations))
        .routes(routes!(jobs::operations::operation))
        .routes(routes!(jobs::image::image))
        .routes(routes!(dead_letters::list::list))
        .routes(routes!(dead_letters::one::show))
        .routes(routes!(queues::queues))
}

async fn nothing_here() -> ApiError {
    ApiError::not_found("This address is none of the API's.")
}

async fn wrong_method(method: Method) -> ApiError {
    let title = "This address has no such method";
    let detail = format!("{method} is not allowed here; header Allow lists what is.");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title, detail)
}
