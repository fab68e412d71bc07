//! Log lines.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::query::{BadQuery, QueryParameters};
use crate::state::ConsoleState;
use crate::store::{LogFilter, least_severity};

/// `GET /api/logs`: lines, newest first. `severity` is the least one.
pub(super) async fn list(
    State(state): State<ConsoleState>,
    mut parameters: QueryParameters,
) -> Result<Json<Value>, BadQuery> {
    let severities = "one of trace, debug, info, warn, error, fatal";
    let filter = LogFilter {
        trace: parameters.parse("trace_id")?,
        service: parameters.text("service")?,
        severity: parameters.read("severity", severities, least_severity)?,
        job: parameters.text("job")?,
        contains: parameters.text("contains")?,
        limit: parameters.limit()?,
        ..LogFilter::default()
    };
    parameters.end()?;
    let render = move |state: &ConsoleState| {
        let found = state.store.logs(filter);
        let mut body = json!({"logs": found.lines});
        if found.is_truncated {
            // More lines match than fit into one response: the client can request fewer, or narrow the search.
            body["truncated"] = true.into();
        }
        body
    };
    Ok(Json(state.render(render).await))
}
