//! Caught webhooks.

use axum::{
    Json,
    extract::{Path, State},
};
use contract::rfc3339;
use runtime::problem::ProblemResponse;
use serde_json::{Value, json};

use crate::{hooks::Hook, start::Shared};

/// `GET /api/hooks`: the names, the one that spoke last first.
pub(super) async fn list(State(shared): State<Shared>) -> Json<Value> {
    Json(json!({"hooks": shared.hooks.inbox.list()}))
}

/// `GET /api/hooks/{name}`: what is kept under a name, newest arrival first.
pub(super) async fn one(
    State(shared): State<Shared>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ProblemResponse> {
    let hooks = shared.hooks.inbox.of(&name).ok_or_else(|| {
        super::not_found(
            "No webhooks with this name: none has arrived yet, or they were evicted. See /api/hooks.",
        )
    })?;
    let hooks: Vec<Value> = hooks.iter().map(view).collect();
    Ok(Json(json!({"name": name, "hooks": hooks})))
}

fn view(hook: &Hook) -> Value {
    let said = &hook.said;
    json!({
        "webhook_id": said.id,
        "webhook_timestamp": said.timestamp,
        "webhook_signature": said.signature,
        "signature": hook.signature,
        "sender": said.sender,
        "event": said.event,
        "outcome": said.outcome,
        "job_id": said.job_id,
        "trace_id": said.trace_id.map(|id| id.to_string()),
        "arrivals": hook.arrivals,
        "body_changed": hook.body_changed,
        "first_at": rfc3339(hook.first_at_ms),
        "last_at": rfc3339(hook.last_at_ms),
        "answer": hook.answer,
        // It was JSON when it came in.
        "body": serde_json::from_str::<Value>(&hook.body).unwrap_or_default(),
    })
}
