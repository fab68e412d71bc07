//! Metrics.

use axum::Json;
use axum::extract::State;
use opentelemetry_proto::tonic::metrics::v1::MetricsData;

use super::query::{BadQuery, Parameters, RawQuery};
use crate::start::Shared;

/// `GET /api/metrics`: the latest point of every series in OTLP's JSON form.
pub(super) async fn list(
    State(shared): State<Shared>,
    query: RawQuery,
) -> Result<Json<MetricsData>, BadQuery> {
    let mut parameters = Parameters::of(query);
    let service = parameters.text("service")?;
    let name = parameters.text("name")?;
    parameters.end()?;
    Ok(Json(shared.store.metrics(service.as_deref(), name.as_deref())))
}
