//! Routes and their middleware.

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
    app::App, dead_letters, error::ApiError, events, job_endpoints, measure, openapi, queues,
    server_span, storage_problem, submit,
};

/// Media types of a raw event.
const EVENT_MEDIA: &[&str] = &[events::CLOUD_EVENT, JSON];

/// The whole HTTP API. `hosts` are the names that it serves.
///
/// Middleware from the outside in: metrics, guard, and a span for calls that change something.
pub(crate) fn router(app: Arc<App>, hosts: AllowedHosts) -> Router {
    let span = from_fn_with_state(app.clone(), server_span::open);
    let events = raw_events().route_layer(span.clone());
    let (events, events_api) = events.split_for_parts();
    let calls = OpenApiRouter::with_openapi(openapi::bare());
    let explain = from_fn_with_state(app.clone(), storage_problem::explain_read);
    let changing = changing().route_layer(span);
    let calls = calls.merge(changing).merge(reading().route_layer(explain));
    let (calls, mut api) = calls.split_for_parts();
    api.merge(events_api);
    let calls = calls
        .merge(openapi::routes(api))
        .fallback(no_such_endpoint)
        .method_not_allowed_fallback(wrong_method)
        .with_state(app.clone());
    let events = events.method_not_allowed_fallback(wrong_method).with_state(app.clone());
    guard(calls, hosts.clone())
        .merge(guard(events, hosts.media_types(EVENT_MEDIA)))
        .layer(from_fn_with_state(app, measure::measure))
}

/// The call that accepts other media types than the rest.
fn raw_events() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(events::take))
}

/// Calls that change something. Each request has a span.
fn changing() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(submit::submit))
        .routes(routes!(job_endpoints::cancel::cancel))
        .routes(routes!(job_endpoints::retry::retry))
        .routes(routes!(dead_letters::redrive_batch::redrive_many))
        .routes(routes!(dead_letters::delete::delete))
        .routes(routes!(dead_letters::redrive::redrive))
}

/// Calls that only read. They have no spans.
fn reading() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(job_endpoints::list::list))
        .routes(routes!(job_endpoints::show::show))
        .routes(routes!(job_endpoints::events::events))
        .routes(routes!(job_endpoints::operations::operations))
        .routes(routes!(job_endpoints::operations::operation))
        .routes(routes!(job_endpoints::image::image))
        .routes(routes!(dead_letters::list::list))
        .routes(routes!(dead_letters::show::show))
        .routes(routes!(queues::queues))
}

async fn no_such_endpoint() -> ApiError {
    ApiError::not_found("No such endpoint; see /openapi.json.")
}

async fn wrong_method(method: Method) -> ApiError {
    let title = "The method is not allowed";
    let detail = format!("{method} is not allowed here; see header Allow.");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title, detail)
}
