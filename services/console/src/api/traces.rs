//! Traces: a list by what they are like, and one as OTLP.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use runtime::problem::ProblemResponse;
use serde_json::{Value, json};

use super::pieces::{self, Spans};
use super::query::{BadQuery, Parameters, RawQuery};
use crate::start::Shared;
use crate::store::{TraceFilter, TraceId};

/// `GET /api/traces`: summaries, newest first.
pub(super) async fn list(
    State(shared): State<Shared>,
    query: RawQuery,
) -> Result<Json<Value>, BadQuery> {
    let mut parameters = Parameters::of(query);
    let filter = filter(&mut parameters)?;
    parameters.end()?;
    let traces = shared.make(move |shared| shared.store.search(&filter)).await;
    Ok(Json(json!({"traces": traces})))
}

/// `GET /api/traces/{trace_id}`: the whole trace in OTLP's JSON form.
pub(super) async fn one(State(shared): State<Shared>, Path(trace_id): Path<String>) -> Response {
    let Ok(id) = trace_id.parse::<TraceId>() else {
        let detail = "trace_id must be 32 hexadecimal digits and not zero.";
        let status = StatusCode::BAD_REQUEST;
        return ProblemResponse::new(status, "bad-trace-id", "Invalid trace id", detail)
            .into_response();
    };
    match shared.clone().make(move |shared| shared.store.span_ids(id)).await {
        Some(spans) => pieces::answer(&shared, Spans(id), spans),
        None => super::not_found(
            "The console has no span of this trace: none has arrived yet, or they were evicted.",
        )
        .into_response(),
    }
}

/// Reads what list and page have in common.
pub(crate) fn filter(parameters: &mut Parameters) -> Result<TraceFilter, BadQuery> {
    let status = |text: &str| match text {
        "error" => Some(true),
        "ok" => Some(false),
        _ => None,
    };
    let duration = |text: &str| text.parse().ok().filter(|least: &f64| *least >= 0.0);
    let attribute = |text: &str| {
        let (key, value) = text.split_once('=')?;
        (!key.is_empty()).then(|| (key.to_owned(), value.to_owned()))
    };
    Ok(TraceFilter {
        service: parameters.text("service")?,
        name: parameters.text("name")?,
        failed: parameters.read("status", "error or ok", status)?,
        min_duration_ms: parameters.read("min_duration_ms", "a number, 0 or more", duration)?,
        job: parameters.text("job")?,
        attribute: parameters.read("attribute", "of the form key=value", attribute)?,
        limit: parameters.limit()?,
    })
}
