//! Measures every request; the exemplar is the span of the request, if it has one.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use runtime::http_measure::measured;

use crate::{app::App, server_span::ServerSpan};

pub(crate) async fn measure(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    measured(&app.service.metrics, request, next, |response| {
        response.extensions().get::<ServerSpan>().map(|span| span.0.clone())
    })
    .await
}
