//! One request and its response, from the head to the last byte.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
    response::IntoResponse as _,
};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::{
    connections::OpenConnection,
    limits::{Protocol, ServerLimits},
};
use crate::problem::ProblemResponse;

/// Headers of every HTTP response: browsers must not guess another type, and pages of other origins cannot embed it as
/// an image, a script or a style.
const HARDENING: [(HeaderName, &str); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// A request in flight, until it is dropped.
struct InFlight {
    connection: Arc<OpenConnection>,
    id: u64,
}

impl InFlight {
    fn begin(connection: &Arc<OpenConnection>, has_arrived: bool) -> Arc<Self> {
        let id = connection.next_exchange();
        connection.activity.request_started(id, has_arrived);
        Arc::new(Self { connection: connection.clone(), id })
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.connection.activity.response_ended(self.id);
    }
}

/// Handles `request` with `router`, within the limits.
pub(super) async fn exchange(
    router: Router,
    connection: Arc<OpenConnection>,
    limits: ServerLimits,
    request: hyper::Request<Incoming>,
) -> Result<Response<Sending>, Infallible> {
    let in_flight = InFlight::begin(&connection, request.body().is_end_stream());
    let guard = in_flight.clone();
    let request = request.map(|body| Body::new(Receiving { body, in_flight: guard }));
    let mut response = respond(router, limits, request).await;
    if limits.protocol == Protocol::Http {
        for (name, value) in HARDENING {
            let value = HeaderValue::from_static(value);
            response.headers_mut().entry(name).or_insert(value);
        }
    }
    Ok(response.map(|body| Sending { body, _in_flight: in_flight }))
}

async fn respond(router: Router, limits: ServerLimits, request: Request) -> Response<Body> {
    let handled = router.oneshot(request);
    let handled = match limits.request_time {
        None => Ok(handled.await),
        Some(limit) => timeout(limit, handled).await,
    };
    match handled {
        Ok(Ok(response)) => response,
        Err(_) if limits.protocol == Protocol::Grpc => StatusCode::REQUEST_TIMEOUT.into_response(),
        Err(_) => late(limits).into_response(),
    }
}

fn late(limits: ServerLimits) -> ProblemResponse {
    let seconds = limits.request_time.unwrap_or_default().as_secs_f32();
    ProblemResponse::new(
        StatusCode::REQUEST_TIMEOUT,
        "request-timeout",
        "The request took too long",
        format!("A request must arrive, and be handled, within {seconds} seconds."),
    )
}

/// A request's body.
struct Receiving {
    body: Incoming,
    in_flight: Arc<InFlight>,
}

impl HttpBody for Receiving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.in_flight.connection.activity.arrived(self.in_flight.id);
    }
}

/// A response's body.
pub(super) struct Sending {
    body: Body,
    _in_flight: Arc<InFlight>,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
