//! Jobs: list, show, follow, cancel, retry.

pub(crate) mod cancel;
pub(crate) mod events;
pub(crate) mod image;
pub(crate) mod list;
pub(crate) mod operations;
pub(crate) mod retry;
pub(crate) mod show;

use std::time::Duration;

use axum::extract::{Path, rejection::PathRejection};
use contract::{JobId, signals::attr};
use jobs::records::Entry;
use tokio::time::timeout;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{broker::Broker, error::ApiError};

/// Timeout of reading a page or a job.
const READ_TIMEOUT: Duration = Duration::from_secs(3);

/// The job in the path.
fn id_of(path: Result<Path<String>, PathRejection>) -> Result<JobId, ApiError> {
    let id = path.ok().and_then(|Path(id)| id.parse::<JobId>().ok());
    id.ok_or_else(|| ApiError::parameter("id", "must be the id of a job"))
}

/// Sets the job's id on the request's span.
fn set_job_on_span(job: JobId) {
    Span::current().set_attribute(attr::JOB_ID, job.to_string());
}

/// The record of the job, or 404.
async fn record_of(broker: &Broker, job: JobId) -> Result<Entry, ApiError> {
    let read = timeout(READ_TIMEOUT, broker.jobs.records.load(job)).await;
    let read = read.map_err(|_| ApiError::broker_away("timed out reading the record"))?;
    read.map_err(ApiError::record)?.ok_or_else(|| unknown(job))
}

fn unknown(id: JobId) -> ApiError {
    ApiError::not_found(format!("There is no job {id}. Ended jobs are kept for a day."))
}
