//! `POST /v1/events`: accepts any CloudEvent. The ingester decides whether it becomes a job.
//!
//! Only the envelope is checked, and that the event does not use a source of the lab.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use bus::Outgoing;
use contract::{
    BodyError, JobId,
    api::{EventAccepted, RawEvent},
    event::{
        CE_ID, CE_SOURCE, CE_SPECVERSION, CE_SUBJECT, CE_TIME, CE_TYPE, EventHead, NotAnEvent,
    },
    job::JobKind,
    parse_json,
    signals::JOBS_SUBMITTED,
    topology,
};
use serde::{Deserialize, de::IgnoredAny};
use sha2::{Digest as _, Sha256};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    accepted::show_trace,
    app::App,
    body::WholeBody,
    error::ApiError,
    submit::{DATA_BYTES_MAX, PUBLISH_TIMEOUT},
};

/// Media type of a CloudEvent in structured JSON form.
pub(crate) const CLOUD_EVENT: &str = "application/cloudevents+json";
/// Prefix of the sources of the lab's own services.
const OWN_SOURCES: &str = "/waybill/";
/// What a client can do if the event was not confirmed.
const ADVICE: &str = "Repeat the request: events with the same source and id are stored once.";

/// Submit a raw event.
///
/// Accepts any CloudEvent in structured mode; the ingester decides whether it becomes a job.
#[utoipa::path(
    post,
    path = "/v1/events",
    tag = "events",
    operation_id = "take_event",
    request_body(content((RawEvent = "application/cloudevents+json"), (RawEvent = "application/json"))),
    responses((status = 202, description = "The event is stored.", body = EventAccepted, headers(
        ("traceparent" = String, description = "The root span of the event's trace."),
    ))),
)]
pub(crate) async fn take(
    State(app): State<Arc<App>>,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let event: RawEvent = parse_json(&body)?;
    let head = head_of(&event)?;
    check(&head)?;
    if event.data.is_null() {
        refuse_binary(&body)?;
    }
    let data = serde_json::to_vec(&event.data).map_err(ApiError::internal)?;
    if data.len() > DATA_BYTES_MAX {
        return Err(ApiError::too_large(
            "data, serialized without shortened numbers,",
            DATA_BYTES_MAX,
        ));
    }
    let broker = app.broker()?;
    app.capacity.check()?;
    let stored = broker.jobs.bus.publish(outgoing(&head, data)).await;
    let stored = stored.map_err(|error| ApiError::publish(error, ADVICE))?;
    if !stored.duplicate {
        app.service.metrics.count(&JOBS_SUBMITTED, &[JobKind::EVENT.name()]);
    }
    tracing::debug!(source = head.source, id = head.id, "accept event");
    Ok(accepted(head))
}

fn accepted(head: EventHead) -> Response {
    let root = telemetry::current_span_ref();
    let trace_id = root.map(|root| root.trace_hex()).unwrap_or_default();
    let body = EventAccepted { event_id: head.id, source: head.source, trace_id };
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    show_trace(&mut response, root);
    response
}

/// The envelope, checked by the rules for message headers, which will carry it.
fn head_of(event: &RawEvent) -> Result<EventHead, BodyError> {
    EventHead::read(|name| match name {
        CE_SPECVERSION => Some(event.specversion.as_str()),
        CE_ID => Some(event.id.as_str()),
        CE_SOURCE => Some(event.source.as_str()),
        CE_TYPE => Some(event.kind.as_str()),
        CE_SUBJECT => event.subject.as_deref(),
        CE_TIME => event.time.as_deref(),
        _ => None,
    })
    .map_err(|error| match error {
        NotAnEvent::Missing(name) => BodyError::new(field(name), "must not be empty"),
        NotAnEvent::Malformed(name) => {
            BodyError::new(field(name), "must be at most 512 printable ASCII characters")
        }
        NotAnEvent::Version => BodyError::new("specversion", "must be 1.0"),
        NotAnEvent::MediaType => BodyError::new("datacontenttype", "must be application/json"),
    })
}

/// The JSON name of the attribute.
fn field(header: &str) -> &str {
    header.strip_prefix("ce-").unwrap_or(header)
}

fn check(head: &EventHead) -> Result<(), BodyError> {
    let optional = [(CE_SUBJECT, &head.subject), (CE_TIME, &head.time)];
    let optional = optional.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
    let required = [(CE_ID, &head.id), (CE_SOURCE, &head.source), (CE_TYPE, &head.kind)];
    for (name, text) in required.into_iter().chain(optional) {
        // Spaces around a header's value are trimmed: the checked value must be the delivered one.
        if text.trim() != text {
            return Err(BodyError::new(field(name), "must not begin or end with a space"));
        }
    }
    if head.source.starts_with(OWN_SOURCES) {
        return Err(BodyError::new(
            "source",
            "must not begin with /waybill/: those sources are reserved for the lab",
        ));
    }
    if head.subject.as_ref().is_some_and(|subject| subject.parse::<JobId>().is_ok()) {
        return Err(BodyError::new("subject", "must not be the id of a job"));
    }
    if head.time.as_ref().is_some_and(|time| OffsetDateTime::parse(time, &Rfc3339).is_err()) {
        return Err(BodyError::new("time", "must be an RFC 3339 time"));
    }
    Ok(())
}

/// Binary data would be ignored silently.
fn refuse_binary(body: &[u8]) -> Result<(), BodyError> {
    #[derive(Deserialize)]
    struct Binary {
        data_base64: Option<IgnoredAny>,
    }
    match parse_json::<Binary>(body)?.data_base64 {
        Some(_) => Err(BodyError::new("data_base64", "is not supported: put JSON into data")),
        None => Ok(()),
    }
}

fn outgoing(head: &EventHead, data: Vec<u8>) -> Outgoing {
    let own = [
        (CE_ID, Some(&head.id)),
        (CE_SUBJECT, head.subject.as_ref()),
        (CE_TIME, head.time.as_ref()),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.clone())));
    Outgoing {
        subject: topology::submitted(JobKind::EVENT),
        message_id: message_id(head),
        kind: head.kind.clone(),
        source: head.source.clone(),
        job: None,
        body: data.into(),
        headers: own.collect(),
        links: Vec::new(),
        timeout: PUBLISH_TIMEOUT,
    }
}

/// Events with the same source and id are duplicates. The length keeps `ab` + `c` and `a` + `bc` apart.
fn message_id(head: &EventHead) -> String {
    let mut hash = Sha256::new();
    hash.update((head.source.len() as u64).to_be_bytes());
    hash.update(&head.source);
    hash.update(&head.id);
    hex::encode(hash.finalize())
}
