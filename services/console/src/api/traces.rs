//! Traces: a searchable list, and single traces as OTLP.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use runtime::problem::ProblemResponse;
use serde_json::{Value, json};

use super::otlp_json::{self, TraceSpans};
use super::problem;
use crate::query::{BadQuery, QueryParameters, trace_filter};
use crate::state::ConsoleState;
use crate::store::TraceId;

/// `GET /api/traces`: summaries, newest first.
pub(super) async fn list(
    State(state): State<ConsoleState>,
    mut parameters: QueryParameters,
) -> Result<Json<Value>, BadQuery> {
    let filter = trace_filter(&mut parameters)?;
    parameters.end()?;
    let traces = state.render(move |state| state.store.search(&filter)).await;
    Ok(Json(json!({"traces": traces})))
}

/// `GET /api/traces/{trace_id}`: the whole trace in OTLP's JSON form.
pub(super) async fn one(
    State(state): State<ConsoleState>,
    Path(trace_id): Path<String>,
) -> Response {
    let Ok(id) = trace_id.parse::<TraceId>() else {
        let detail = "trace_id must be 32 hexadecimal digits and not zero.";
        let status = StatusCode::BAD_REQUEST;
        return ProblemResponse::new(status, "bad-trace-id", "Invalid trace id", detail)
            .into_response();
    };
    match state.clone().render(move |state| state.store.span_ids(id)).await {
        Some(spans) => otlp_json::stream(&state, TraceSpans(id), spans),
        None => problem::not_found(
            "The console has no span of this trace: none has arrived yet, or they were evicted.",
        )
        .into_response(),
    }
}
