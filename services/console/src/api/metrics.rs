//! Metrics.

use axum::extract::State;
use axum::response::Response;

use super::otlp_json::{self, LatestPoints};
use crate::query::{BadQuery, QueryParameters};
use crate::state::ConsoleState;

/// `GET /api/metrics`: the latest point of every series in OTLP's JSON form.
pub(super) async fn list(
    State(state): State<ConsoleState>,
    mut parameters: QueryParameters,
) -> Result<Response, BadQuery> {
    let service = parameters.text("service")?;
    let name = parameters.text("name")?;
    parameters.end()?;
    let keys = state
        .clone()
        .render(move |state| state.store.series_keys(service.as_deref(), name.as_deref()))
        .await;
    Ok(otlp_json::stream(&state, LatestPoints, keys))
}
