//! The span of a request that may change something: the root of its job's trace.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use contract::signals::attr;
use opentelemetry::{
    KeyValue,
    trace::{FutureExt as _, SpanContext, Status, TraceContextExt as _},
};
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{
    app::App,
    error::ApiError,
    inbound_context::{InboundContext, WrongFault},
    storage_problem,
};

/// The request's span, kept in its response for the exemplar.
#[derive(Debug, Clone)]
pub(crate) struct ServerSpan(pub(crate) SpanContext);

/// Handles the request in a new span. Messages published in it carry the request's baggage.
pub(crate) async fn open(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let trusted = app.trust_traceparent;
    let InboundContext { client_span, context, fault } =
        InboundContext::read(request.headers(), app.faults_on, trusted);
    let span = of(&request);
    // Fails only if no OpenTelemetry layer is installed; the context is attached below in any case.
    let _ = span.set_parent(context.clone());
    if client_span.is_valid() && !trusted {
        let link = KeyValue::new(attr::LINK, attr::LINK_CALLER);
        span.add_link_with_attributes(client_span, vec![link]);
    }
    let handled = async move {
        let mut response = match fault {
            Ok(()) => storage_problem::explain(&app, next.run(request).await).await,
            Err(WrongFault { header, problem }) => {
                ApiError::header(header, problem).into_response()
            }
        };
        close(&mut response);
        response
    };
    handled.instrument(span).with_context(context).await
}

fn of(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let method = request.method().as_str();
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server"
    );
    span.set_attribute(attr::HTTP_REQUEST_METHOD, method.to_owned());
    span.set_attribute(attr::HTTP_ROUTE, route.to_owned());
    span.set_attribute(attr::URL_PATH, request.uri().path().to_owned());
    span
}

/// Records the status. A refused request is not an error of the server.
fn close(response: &mut Response) {
    let (span, status) = (Span::current(), response.status());
    span.set_attribute(attr::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_attribute(attr::ERROR_TYPE, status.as_str().to_owned());
        span.set_status(Status::error(status.canonical_reason().unwrap_or_default()));
    }
    let span_context = span.context().span().span_context().clone();
    response.extensions_mut().insert(ServerSpan(span_context));
}
