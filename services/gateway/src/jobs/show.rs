//! `GET /v1/jobs/{id}`: how one job fares.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use contract::{
    JobId,
    api::{JobView, OperationResult},
    record::JobRecord,
};
use tokio::time::timeout;

use super::{READ_TIME_MAX, id_of, record_of};
use crate::{app::App, broker::Broker, error::ApiError, leases};

/// Show a job, with its results once it has ended.
///
/// A running job says in `lease` how long its worker has been silent and, once it missed a renewal, when another one
/// takes over; a waiting job says in `waiting` what for.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}",
    tag = "jobs",
    operation_id = "show_job",
    params(("id" = JobId, Path, description = "The job's id.")),
    responses((status = 200, description = "The job.", body = JobView)),
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<JobView>, ApiError> {
    let id = id_of(path)?;
    view(&app, id).await.map(Json)
}

/// The job as it is now, with its results, and what keeps it from running if something does.
pub(super) async fn view(app: &App, id: JobId) -> Result<JobView, ApiError> {
    let broker = app.broker()?;
    let entry = record_of(broker, id).await?;
    let results = results_of(broker, &entry.record).await?;
    let mut view = JobView::of(entry.record.clone(), results);
    app.leases.describe(&mut view, &entry, &broker.bus, &app.index);
    leases::add_place(&mut view, &app.index);
    Ok(view)
}

/// The results of the run that won, if one did and they are still kept.
pub(super) async fn results_of(
    broker: &Broker,
    record: &JobRecord,
) -> Result<Option<Vec<OperationResult>>, ApiError> {
    let read = timeout(READ_TIME_MAX, broker.bus.results.of(record)).await;
    let read = read.map_err(|_| ApiError::broker_away("results took too long to read"))?;
    read.map_err(ApiError::broker_away)
}
