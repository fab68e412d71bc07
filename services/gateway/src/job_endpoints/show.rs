//! `GET /v1/jobs/{id}`: shows a job.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use contract::{JobId, api::JobView, record::JobRecord, result::OperationResult};
use tokio::time::timeout;

use super::{READ_TIMEOUT, id_of, record_of};
use crate::{app::App, broker::Broker, error::ApiError, leases};

/// Show a job, with its results once it has ended.
///
/// For a running job, `lease` says how long its worker has been silent and, after a missed renewal, when another worker
/// takes over. For a waiting job, `waiting` says what it waits for.
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

/// The current view of the job, with its results, its lease, or what it waits for.
pub(super) async fn view(app: &App, id: JobId) -> Result<JobView, ApiError> {
    let broker = app.broker()?;
    let entry = record_of(broker, id).await?;
    let results = results_of(broker, &entry.record).await?;
    let mut view = JobView::of(entry.record.clone(), results);
    app.leases.describe(&mut view, &entry, &broker.jobs.bus, &app.index);
    leases::add_older(&mut view, &app.index);
    Ok(view)
}

/// The results of the run that ended the job, if they are still kept.
pub(super) async fn results_of(
    broker: &Broker,
    record: &JobRecord,
) -> Result<Option<Vec<OperationResult>>, ApiError> {
    let read = timeout(READ_TIMEOUT, broker.jobs.results.get(record)).await;
    let read = read.map_err(|_| ApiError::broker_away("timed out reading the results"))?;
    read.map_err(ApiError::broker_away)
}
