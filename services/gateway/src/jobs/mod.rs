//! One job and many: how they fare, and what their owners may do with them.

pub(crate) mod cancel;
pub(crate) mod events;
pub(crate) mod image;
pub(crate) mod list;
pub(crate) mod operations;
pub(crate) mod retry;
pub(crate) mod show;

use std::time::Duration;

use axum::extract::{Path, rejection::PathRejection};
use bus::records::Entry;
use contract::{JobId, signals::attr};
use tokio::time::timeout;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{broker::Broker, error::ApiError};

/// How long the reading of one page, or of one job, may take.
const READ_TIME_MAX: Duration = Duration::from_secs(3);

/// The job that the path names.
fn id_of(path: Result<Path<String>, PathRejection>) -> Result<JobId, ApiError> {
    let id = path.ok().and_then(|Path(id)| id.parse::<JobId>().ok());
    id.ok_or_else(|| ApiError::parameter("id", "must be a job's id, as in Location"))
}

/// Says on the request's span which job it is about.
fn mark(job: JobId) {
    Span::current().set_attribute(attr::JOB_ID, job.to_string());
}

/// The record of a job that must be known.
async fn record_of(broker: &Broker, job: JobId) -> Result<Entry, ApiError> {
    let read = timeout(READ_TIME_MAX, broker.bus.records.load(job)).await;
    let read = read.map_err(|_| ApiError::broker_away("a record took too long to read"))?;
    read.map_err(ApiError::record)?.ok_or_else(|| unknown(job))
}

fn unknown(id: JobId) -> ApiError {
    ApiError::not_found(format!("No job {id} is known. Ended jobs are kept for a day."))
}
