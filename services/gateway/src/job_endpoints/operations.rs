//! `GET /v1/jobs/{id}/operations` and `…/{n}`: state and result of each operation.
//!
//! While a job runs, only its worker has the results: they are available when the job has ended.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use contract::{
    JobId,
    api::{OperationList, OperationState, OperationView},
    operation::Operation,
    record::JobRecord,
    result::{OperationOutcome, OperationResult},
    state::JobState,
};
use tokio::time::timeout;

use super::{READ_TIMEOUT, id_of, record_of, show};
use crate::{app::App, broker::Broker, error::ApiError};

/// List the operations of a job with their states.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/operations",
    tag = "jobs",
    operation_id = "list_operations",
    params(("id" = JobId, Path, description = "The job's id.")),
    responses((status = 200, description = "The operations, in order.", body = OperationList)),
)]
pub(crate) async fn operations(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<OperationList>, ApiError> {
    let id = id_of(path)?;
    let (_, operations) = all(app.broker()?, id).await?;
    Ok(Json(OperationList { operations }))
}

/// Show one operation of a job.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/operations/{n}",
    tag = "jobs",
    operation_id = "show_operation",
    params(
        ("id" = JobId, Path, description = "The job's id."),
        ("n" = u32, Path, description = "Index of the operation, from 0."),
    ),
    responses((status = 200, description = "The operation.", body = OperationView)),
)]
pub(crate) async fn operation(
    State(app): State<Arc<App>>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<OperationView>, ApiError> {
    let (id, n) = index_of(path)?;
    one(app.broker()?, id, n).await.map(|(_, operation)| Json(operation))
}

/// The job and the index of the operation in the path.
pub(super) fn index_of(
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<(JobId, usize), ApiError> {
    let Ok(Path((id, n))) = path else { return Err(ApiError::parameter("id", "cannot be read")) };
    let id = id_of(Ok(Path(id)))?;
    let n = n.parse::<u32>().ok().and_then(|n| usize::try_from(n).ok());
    let n =
        n.ok_or_else(|| ApiError::parameter("n", "must be the index of an operation, from 0"))?;
    Ok((id, n))
}

/// One operation, and the record of its job.
pub(super) async fn one(
    broker: &Broker,
    id: JobId,
    n: usize,
) -> Result<(JobRecord, OperationView), ApiError> {
    let (record, mut operations) = all(broker, id).await?;
    if n >= operations.len() {
        let count = operations.len();
        let detail = format!("The job has no operation {n}: it has {count}, counted from 0.");
        return Err(ApiError::not_found(detail));
    }
    Ok((record, operations.swap_remove(n)))
}

async fn all(broker: &Broker, id: JobId) -> Result<(JobRecord, Vec<OperationView>), ApiError> {
    let record = record_of(broker, id).await?.record;
    if let Some(results) = show::results_of(broker, &record).await? {
        let views = results.into_iter().enumerate().map(|(n, result)| ended(&record, n, result));
        let views = views.collect();
        return Ok((record, views));
    }
    let payload = timeout(READ_TIMEOUT, broker.jobs.payloads.get(&record)).await;
    let payload = payload.map_err(|_| ApiError::broker_away("timed out reading the spec"))?;
    let operations =
        payload.map_err(ApiError::broker_away)?.map(|payload| payload.job.spec.operations);
    let count = usize::try_from(record.operations).unwrap_or_default();
    let view =
        |n| without_result(&record, n, operations.as_ref().and_then(|all| all.get(n).cloned()));
    let views = (0..count).map(view).collect();
    Ok((record, views))
}

fn bare(n: usize, state: OperationState) -> OperationView {
    OperationView {
        index: u32::try_from(n).unwrap_or(u32::MAX),
        state,
        kind: None,
        operation: None,
        progress: None,
        value: None,
        error: None,
        milliseconds: None,
        image: None,
    }
}

/// An operation of an ended run.
fn ended(record: &JobRecord, n: usize, result: OperationResult) -> OperationView {
    let (state, value, error) = match result.result {
        Some(OperationOutcome::Value(value)) => (OperationState::Done, Some(value), None),
        Some(OperationOutcome::Error(error)) => (OperationState::Failed, None, Some(error)),
        None => (OperationState::Skipped, None, None),
    };
    let kind = result.operation.kind();
    let has_image = kind.has_image() && state == OperationState::Done;
    OperationView {
        kind: Some(kind),
        operation: Some(result.operation),
        value,
        error,
        milliseconds: result.milliseconds,
        image: has_image.then(|| format!("/v1/jobs/{}/operations/{n}/image", record.id)),
        ..bare(n, state)
    }
}

/// An operation of a job without results.
fn without_result(record: &JobRecord, n: usize, operation: Option<Operation>) -> OperationView {
    // A worker reports progress only for long operations; until then the first one is shown as running.
    let at = record.progress.map_or(0, |progress| usize::try_from(progress.operation).unwrap_or(0));
    let state = match record.state {
        JobState::Running if n < at => OperationState::Done,
        JobState::Running if n == at => OperationState::Running,
        state if state.is_terminal() => OperationState::Skipped,
        _ => OperationState::Waiting,
    };
    let part = record.progress.map(|progress| progress.part);
    OperationView {
        kind: operation.as_ref().map(Operation::kind),
        operation,
        progress: part.filter(|_| state == OperationState::Running),
        ..bare(n, state)
    }
}
