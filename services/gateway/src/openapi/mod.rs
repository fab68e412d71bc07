//! The API describes itself: `/openapi.json` from the types and handlers of this program, and `/docs` from that.
//!
//! What a call takes and answers stands at its handler. What all calls share is added here.

mod answers;
mod page;
mod parameters;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::IntoResponse as _,
    routing::get,
};
use bytes::Bytes;
use contract::{
    api::{JobSources, Problem},
    event::JSON,
};
use utoipa::{
    PartialSchema as _,
    openapi::{Components, Info, License, OpenApi, Tag, tag::TagBuilder},
};

/// Groups of calls, in the order in which they are shown.
const TAGS: [(&str, &str); 4] = [
    ("jobs", "Jobs: submitted, watched, cancelled, started again."),
    ("events", "Raw events, as an event bus takes them."),
    ("dead-letters", "What could not be handled: looked at, driven again, dropped."),
    ("queues", "How the queues and stores at the broker fare."),
];
/// What the whole API is about.
const ABOUT: &str = "Takes jobs, shows how they fare, and carries out what their owners ask for. \
A job is one trace, whatever happens to it; every answer about a job names it. \
Errors are `application/problem+json` with a stable `type`. Unknown fields are ignored. \
A request may carry `traceparent` (linked), allowed `baggage`, and, where faults are on, `waybill-fault`.";
/// The body of every refusal.
const PROBLEM: &str = "Problem";
/// The page has its styles in itself and needs nothing else.
const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-asked'; frame-ancestors 'none'; base-uri 'none'";

/// A description to start from.
pub(crate) fn bare() -> OpenApi {
    let mut info = Info::new("Waybill gateway", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    info.license = Some(License::new(env!("CARGO_PKG_LICENSE")));
    let mut api = OpenApi::default();
    api.info = info;
    api.tags = Some(TAGS.map(tag).to_vec());
    // No handler names it: it is the body of every refusal, see `answers`.
    let mut components = Components::new();
    components.schemas.insert(PROBLEM.to_owned(), Problem::schema());
    // Only a parameter names it.
    components.schemas.insert("JobSources".to_owned(), JobSources::schema());
    api.components = Some(components);
    api
}

fn tag((name, about): (&str, &str)) -> Tag {
    TagBuilder::new().name(name).description(Some(about)).build()
}

/// Serves the description of `api` as JSON and as a page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(mut api: OpenApi) -> Router<S> {
    answers::complete(&mut api);
    parameters::complete(&mut api);
    let json = serde_json::to_value(&api).unwrap_or_default();
    let text = Bytes::from(json.to_string());
    let page = Bytes::from(page::page(&json));
    let served = move |media: &'static str, body: Bytes| {
        let headers = [
            fixed(header::CONTENT_TYPE, media),
            fixed(header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        ];
        get(async move || (headers, body).into_response())
    };
    Router::new()
        .route("/openapi.json", served(JSON, text))
        .route("/docs", served("text/html; charset=utf-8", page))
}

fn fixed(name: HeaderName, value: &'static str) -> (HeaderName, HeaderValue) {
    (name, HeaderValue::from_static(value))
}
