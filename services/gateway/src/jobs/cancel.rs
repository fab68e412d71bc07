//! `POST /v1/jobs/{id}/cancel`: a job that waits ends at once; one that runs is stopped by its worker.
//!
//! After a 202 the job can only end as cancelled: the same compare-and-set that took the cancel keeps
//! every other end out.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use bus::{cancel::CancelError, finish::completion_event, payloads::Payload, records::RecordError};
use contract::{
    JobId,
    api::JobView,
    record::JobRecord,
    signals::{attr, reason},
    state::JobState,
};
use opentelemetry::trace::FutureExt as _;
use tokio::time::timeout;

use super::{id_of, mark, unknown};
use crate::{app::App, broker::Broker, error::ApiError, trace_context};

/// How long the cancel itself may take.
const CANCEL_TIME_MAX: Duration = Duration::from_secs(3);
/// How long the event may take to be stored. Without it, whoever meets the job's message tells.
const COMPLETION_TIME_MAX: Duration = Duration::from_secs(2);
/// What a client does who was not told.
const ADVICE: &str = "Repeat it: a job is cancelled only once.";

/// Cancel a job.
///
/// A job that waits is cancelled at once. One that runs is `running` with `cancel_requested` until its worker has
/// stopped it, a moment later. After this answer a job can end in no other way than `cancelled`.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/cancel",
    tag = "jobs",
    operation_id = "cancel_job",
    params(("id" = JobId, Path, description = "The job's id.")),
    responses(
        (status = 202, description = "The job is cancelled, or its worker is told.", body = JobView),
        (status = 409, description = "The job has ended already; the detail says how."),
    ),
)]
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<(StatusCode, Json<JobView>), ApiError> {
    let id = id_of(path)?;
    mark(id);
    let broker = app.broker()?;
    let cancelled = timeout(CANCEL_TIME_MAX, broker.bus.cancel(id)).await;
    let cancelled = cancelled.map_err(|_| ApiError::unconfirmed(ADVICE, "no answer in time"))?;
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
        match timeout(COMPLETION_TIME_MAX, publish_completion(broker, &record)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(job_id = %id, %error, "the owner is told later"),
            Err(_) => tracing::warn!(job_id = %id, "the owner is told later: no answer in time"),
        }
    }
    Ok((StatusCode::ACCEPTED, Json(JobView::of(record, None))))
}

/// Cancels a running job whose cancel was requested before and whose worker is silent.
pub(crate) async fn end_abandoned(broker: &Broker, job: JobId) -> anyhow::Result<()> {
    match broker.bus.cancel(job).await {
        Ok(record) if record.state == JobState::Cancelled => {
            tracing::info!(job_id = %job, "a job that no worker ran was cancelled");
            publish_completion(broker, &record).await
        }
        Err(CancelError::Record(error @ (RecordError::Broker(_) | RecordError::Conflict))) => {
            Err(error.into())
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Publishes the end, in the job's own trace, so that its owner hears of it before its message is met. Of a lost job
/// nobody else can speak, so its end is published even if what it asked for is no longer kept.
pub(crate) async fn publish_completion(broker: &Broker, record: &JobRecord) -> anyhow::Result<()> {
    let payload = match broker.bus.payloads.get(record).await? {
        Some(payload) => payload,
        None if record.failure.as_ref().is_some_and(|why| why.reason == reason::LOST) => {
            Payload::forgotten(record)
        }
        None => return Ok(()),
    };
    let mut job = payload.job;
    job.round = record.round;
    let Some(event) = completion_event(record, &job)? else { return Ok(()) };
    let request = telemetry::current_span_ref();
    let event = event.linked(request, attr::LINK_REQUEST).within(COMPLETION_TIME_MAX);
    let context = trace_context::with_all(record.previous, &payload.context);
    broker.bus.publish(event).with_context(context).await?;
    Ok(broker.bus.note_told(record).await?)
}

fn ended(state: JobState) -> ApiError {
    ApiError::forbidden_by_state(format!("The job has ended already: it is {state}."))
}

fn restarted() -> ApiError {
    let detail = "The job was started again this very moment. Look at it and repeat the cancel.";
    ApiError::forbidden_by_state(detail)
}
