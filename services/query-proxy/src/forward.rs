//! Forwards a query and its response, without headers that concern the connection or another origin.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use runtime::problem::ProblemResponse;
use url::Url;

use crate::rules::Backend;

/// Largest query, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// How long a backend may take to accept a connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
/// Timeout of a response.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(50);
/// Request headers that are forwarded.
const REQUEST_HEADERS: [HeaderName; 3] =
    [header::ACCEPT, header::ACCEPT_ENCODING, header::CONTENT_TYPE];
/// Response headers that are forwarded. None that would let another origin read the response.
const ANSWERED: [HeaderName; 7] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CACHE_CONTROL,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LOCATION,
    header::RETRY_AFTER,
];

/// The HTTP client of one backend.
pub(crate) struct Way {
    backend: Backend,
    base: Url,
    http: reqwest::Client,
}

impl Way {
    pub(crate) fn to(backend: Backend, base: Url) -> reqwest::Result<Arc<Self>> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIME_MAX)
            .timeout(ANSWER_TIME_MAX)
            .build()?;
        Ok(Arc::new(Self { backend, base, http }))
    }
}

/// The backend's response, or why the request was not forwarded.
pub(crate) async fn forward(State(way): State<Arc<Way>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if !way.backend.allows(&head.method, head.uri.path()) {
        return no_query(way.backend).into_response();
    }
    let mut url = way.base.clone();
    url.set_path(head.uri.path());
    url.set_query(head.uri.query());
    // Check the path as it is sent: parsing the URL may have changed it.
    if !way.backend.allows(&head.method, url.path()) {
        return no_query(way.backend).into_response();
    }
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return too_large().into_response();
    };
    let request = way
        .http
        .request(head.method, url)
        .headers(only(&REQUEST_HEADERS, &head.headers))
        .body(body);
    match request.send().await {
        Ok(answer) => answered(answer),
        Err(error) => {
            tracing::debug!(%error, backend = way.backend.name(), "query failed");
            away(way.backend).into_response()
        }
    }
}

fn answered(answer: reqwest::Response) -> Response {
    let (status, headers) = (answer.status(), only(&ANSWERED, answer.headers()));
    let body = stream::try_unfold(answer, async |mut answer| {
        let chunk = answer.chunk().await?;
        Ok::<_, reqwest::Error>(chunk.map(|chunk| (chunk, answer)))
    });
    let mut response = Response::new(Body::from_stream(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn only(names: &[HeaderName], all: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in names {
        for value in all.get_all(name) {
            kept.append(name, value.clone());
        }
    }
    kept
}

fn no_query(backend: Backend) -> ProblemResponse {
    let name = backend.name();
    ProblemResponse::new(
        StatusCode::FORBIDDEN,
        "no-query",
        "Only queries are forwarded",
        format!(
            "This request is not a query of {name}. To reach {name} directly, run: \
             docker compose -f compose.yaml -f compose.debug.yaml up -d --wait"
        ),
    )
}

fn too_large() -> ProblemResponse {
    ProblemResponse::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        "The query is too large",
        format!("body: must be at most {BODY_BYTES_MAX} bytes."),
    )
}

fn away(backend: Backend) -> ProblemResponse {
    let name = backend.name();
    ProblemResponse::new(
        StatusCode::BAD_GATEWAY,
        "backend-away",
        "The backend does not respond",
        format!("{name} does not respond. Check whether it runs: docker compose ps"),
    )
}
