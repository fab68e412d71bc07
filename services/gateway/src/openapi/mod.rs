//! The description of the API: `/openapi.json`, built from types and handlers, and `/docs`, built from that.
//!
//! Each handler describes its call. What all calls share is added here.

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
    ("jobs", "Submit, follow, cancel and retry jobs."),
    ("events", "Submit raw CloudEvents."),
    (
        "dead-letters",
        "List, show, redrive and delete dead letters: messages that could not be handled.",
    ),
    ("queues", "Depth and size of the broker's queues and stores."),
];
/// The description of the whole API.
const ABOUT: &str = "Submits jobs, shows their state, and cancels, retries and redrives them. \
Each job is one trace, including its retries; every response about a job names the trace. \
Errors are `application/problem+json` with a stable `type`. Unknown fields are ignored. \
A request may carry `traceparent` (linked), allowed `baggage`, and, where faults are on, `waybill-fault`.";
/// The body of every error response.
const PROBLEM: &str = "Problem";
/// The page has its styles inline and loads nothing.
const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/// A description to start from.
pub(crate) fn bare() -> OpenApi {
    let mut info = Info::new("Waybill gateway", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    info.license = Some(License::new(env!("CARGO_PKG_LICENSE")));
    let mut api = OpenApi::default();
    api.info = info;
    api.tags = Some(TAGS.map(tag).to_vec());
    // No handler names it: it is the body of every error response, see `answers`.
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
