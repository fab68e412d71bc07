//! Received webhooks.

use axum::Json;
use axum::extract::{Path, State};
use contract::rfc3339;
use runtime::problem::ProblemResponse;
use serde_json::{Value, json};

use super::problem;
use crate::hooks::Hook;
use crate::state::ConsoleState;

/// `GET /api/hooks`: the names, the most recently used first.
pub(super) async fn list(State(state): State<ConsoleState>) -> Json<Value> {
    Json(json!({"hooks": state.hooks.inbox.list()}))
}

/// `GET /api/hooks/{name}`: the webhooks of a name, newest arrival first.
pub(super) async fn one(
    State(state): State<ConsoleState>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ProblemResponse> {
    let hooks = state.hooks.inbox.of(&name).ok_or_else(|| {
        problem::not_found(
            "No webhooks with this name: none has arrived yet, or they were evicted. See /api/hooks.",
        )
    })?;
    let hooks: Vec<Value> = hooks.iter().map(view).collect();
    Ok(Json(json!({"name": name, "hooks": hooks})))
}

fn view(hook: &Hook) -> Value {
    let fields = &hook.fields;
    json!({
        "webhook_id": fields.id,
        "webhook_timestamp": fields.timestamp,
        "webhook_signature": fields.signature,
        "signature": hook.signature,
        "sender": fields.sender,
        "event": fields.event,
        "outcome": fields.outcome,
        "job_id": fields.job_id,
        "trace_id": fields.trace_id.map(|id| id.to_string()),
        "arrivals": hook.arrivals,
        "body_changed": hook.body_changed,
        "first_at": rfc3339(hook.first_at_ms),
        "last_at": rfc3339(hook.last_at_ms),
        "answer": hook.response_status,
        // The receiver accepts only JSON.
        "body": serde_json::from_str::<Value>(&hook.body).unwrap_or_default(),
    })
}
