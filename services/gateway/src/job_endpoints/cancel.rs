//! `POST /v1/jobs/{id}/cancel`: a waiting job ends immediately; a running one is stopped by its worker.
//!
//! After a 202 the job can only end as cancelled: the compare-and-set that recorded the cancel excludes every other
//! outcome.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use contract::{
    JobId,
    api::JobView,
    record::JobRecord,
    signals::{attr, reason},
    state::JobState,
};
use jobs::{
    RecordError,
    cancel::{self as job_cancel, CancelError},
    completion,
    payloads::Payload,
};
use opentelemetry::trace::FutureExt as _;
use tokio::time::timeout;

use super::{id_of, set_job_on_span, unknown};
use crate::{app::App, broker::Broker, error::ApiError, trace_context};

/// Timeout of the cancel itself.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(3);
/// Timeout of the completion. If it fails, the stage that receives the job's message publishes it.
const COMPLETION_TIMEOUT: Duration = Duration::from_secs(2);
/// What a client can do if the outcome is unknown.
const ADVICE: &str = "Repeat the request: a job is cancelled only once.";

/// Cancel a job.
///
/// A waiting job is cancelled immediately. A running job stays `running` with `cancel_requested` until its worker has
/// stopped it, a moment later. After this response a job can only end as `cancelled`.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/cancel",
    tag = "jobs",
    operation_id = "cancel_job",
    params(("id" = JobId, Path, description = "The job's id.")),
    responses(
        (status = 202, description = "The job is cancelled, or its worker was requested to stop it.", body = JobView),
        (status = 409, description = "The job has already ended; the detail says how."),
    ),
)]
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<(StatusCode, Json<JobView>), ApiError> {
    let id = id_of(path)?;
    set_job_on_span(id);
    let broker = app.broker()?;
    let cancelled = timeout(CANCEL_TIMEOUT, job_cancel::request(&broker.jobs, id)).await;
    let cancelled = cancelled
        .map_err(|_| ApiError::unconfirmed(ADVICE, "timed out writing the cancel to the record"))?;
    let record = cancelled.map_err(|error| match error {
        CancelError::Unknown => unknown(id),
        CancelError::Ended(state) => ended(state),
        CancelError::Restarted => restarted(),
        CancelError::Record(
            error @ (RecordError::Unreadable { .. } | RecordError::TooLarge { .. }),
        ) => ApiError::record(error),
        CancelError::Record(error) => ApiError::unconfirmed(ADVICE, error),
    })?;
    if record.state == JobState::Cancelled {
        match timeout(COMPLETION_TIMEOUT, publish_completion(broker, &record)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(job_id = %id, %error, "publish completion failed; it is published when the job's message is delivered");
            }
            Err(_) => {
                tracing::warn!(job_id = %id, "publish completion timed out; it is published when the job's message is delivered");
            }
        }
    }
    Ok((StatusCode::ACCEPTED, Json(JobView::of(record, None))))
}

/// Cancels a running job with a requested cancel whose worker is silent.
pub(crate) async fn end_abandoned(broker: &Broker, job: JobId) -> anyhow::Result<()> {
    match job_cancel::request(&broker.jobs, job).await {
        Ok(record) if record.state == JobState::Cancelled => {
            tracing::info!(job_id = %job, "cancel job: its worker is silent");
            publish_completion(broker, &record).await
        }
        Err(CancelError::Record(error @ (RecordError::Broker(_) | RecordError::Conflict))) => {
            Err(error.into())
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Publishes the completion in the job's trace, so that the submitter is notified before the job's message is
/// delivered. A lost job has no message, so its completion is published even if its spec is no longer kept.
pub(crate) async fn publish_completion(broker: &Broker, record: &JobRecord) -> anyhow::Result<()> {
    let payload = match broker.jobs.payloads.get(record).await? {
        Some(payload) => payload,
        None if record.failure.as_ref().is_some_and(|why| why.reason == reason::LOST) => {
            Payload::forgotten(record)
        }
        None => return Ok(()),
    };
    let mut job = payload.job;
    job.round = record.round;
    let Some(event) = completion::event(record, &job)? else { return Ok(()) };
    let request = telemetry::current_span_ref();
    let event = event.linked(request, attr::LINK_REQUEST).with_timeout(COMPLETION_TIMEOUT);
    let context = trace_context::with_all(record.previous, &payload.context);
    broker.jobs.bus.publish(event).with_context(context).await?;
    Ok(job_cancel::note_completion_published(&broker.jobs, record).await?)
}

fn ended(state: JobState) -> ApiError {
    ApiError::forbidden_by_state(format!("The job has already ended: it is {state}."))
}

fn restarted() -> ApiError {
    let detail = "The job was just started again. Look at the job and repeat the cancel.";
    ApiError::forbidden_by_state(detail)
}
