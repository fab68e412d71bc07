//! Metrics.

use axum::extract::State;
use axum::response::Response;

use super::pieces::{self, Metrics};
use super::query::{BadQuery, Parameters, RawQuery};
use crate::start::Shared;

/// `GET /api/metrics`: the latest point of every series in OTLP's JSON form.
pub(super) async fn list(
    State(shared): State<Shared>,
    query: RawQuery,
) -> Result<Response, BadQuery> {
    let mut parameters = Parameters::of(query);
    let service = parameters.text("service")?;
    let name = parameters.text("name")?;
    parameters.end()?;
    let store = shared.clone();
    let keys = store
        .make(move |shared| shared.store.series_keys(service.as_deref(), name.as_deref()))
        .await;
    Ok(pieces::answer(&shared, Metrics, keys))
}
