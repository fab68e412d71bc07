//! Log lines.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::query::{BadQuery, Parameters, RawQuery};
use crate::start::Shared;
use crate::store::{LogFilter, least_severity};

/// `GET /api/logs`: lines, newest first. `severity` is the least one.
pub(super) async fn list(
    State(shared): State<Shared>,
    query: RawQuery,
) -> Result<Json<Value>, BadQuery> {
    let mut parameters = Parameters::of(query);
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
    let answer = move |shared: &Shared| {
        let found = shared.store.logs(filter);
        let mut answer = json!({"logs": found.lines});
        if found.is_truncated {
            // There are more than fit into one answer: ask for fewer, or narrow the search.
            answer["truncated"] = true.into();
        }
        answer
    };
    Ok(Json(shared.make(answer).await))
}
