//! `POST /v1/jobs/{id}/retry`: starts an ended job again, as a new round in the same trace.
//!
//! The message of the new round is stored first; it starts the round (see `bus::round`).

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderName, StatusCode, header},
};
use bus::Outgoing;
use contract::{
    JobId,
    api::JobView,
    event::EventType,
    record::JobRecord,
    signals::attr,
    state::JobState,
    topology::{self, Hop, message_id},
};
use jobs::payloads::Payload;
use opentelemetry::trace::FutureExt as _;
use tokio::time::timeout;

use super::{id_of, record_of, set_job_on_span, show};
use crate::{
    app::App, broker::Broker, dead_letters, error::ApiError, submit::PUBLISH_TIMEOUT, trace_context,
};

/// Timeout of reading the spec.
const PAYLOAD_TIMEOUT: Duration = Duration::from_secs(2);
/// What a client can do if the outcome is unknown.
const ADVICE: &str =
    "Look at the job: it may have started again. If its round is unchanged, repeat the retry.";

/// Start an ended job again.
///
/// A failed, dead or cancelled job starts a new round in the same trace, with all its attempts. Its injected faults
/// are removed. The dead letter of a dead job is redriven.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/retry",
    tag = "jobs",
    operation_id = "retry_job",
    params(("id" = JobId, Path, description = "The job's id.")),
    responses(
        (status = 202, description = "The job is queued again.", body = JobView,
            headers(("Location" = String, description = "Path of the job."))),
        (status = 409, description = "The job has not ended, has succeeded, or its spec is no longer kept."),
    ),
)]
pub(crate) async fn retry(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<JobView>), ApiError> {
    let id = id_of(path)?;
    set_job_on_span(id);
    let broker = app.broker()?;
    app.capacity.check()?;
    let record = record_of(broker, id).await?.record;
    check(&record)?;
    start_again(broker, &record).await?;
    let view = show::view(&app, id).await?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/v1/jobs/{id}"))], Json(view)))
}

fn check(record: &JobRecord) -> Result<(), ApiError> {
    if record.state.may_start_again() {
        return Ok(());
    }
    Err(ApiError::forbidden_by_state(match record.state {
        JobState::Succeeded => {
            "The job has succeeded. Submit it as a new job to run it again.".to_owned()
        }
        state => format!("The job has not ended: it is {state}."),
    }))
}

/// Redrives the dead letter of a dead job; publishes the spec of any other job again.
async fn start_again(broker: &Broker, record: &JobRecord) -> Result<(), ApiError> {
    if let (JobState::Dead, Some(seq)) = (record.state, record.dead_letter) {
        match dead_letters::redrive::redrive_one(broker, seq).await {
            Err(error) if error.status() == StatusCode::NOT_FOUND => {}
            other => return other.map(drop),
        }
    }
    let payload = timeout(PAYLOAD_TIMEOUT, broker.jobs.payloads.get(record)).await;
    let payload = payload.map_err(|_| ApiError::broker_away("timed out reading the spec"))?;
    let payload = payload.map_err(ApiError::broker_away)?.ok_or_else(spec_not_kept)?;
    send(broker, record, payload).await
}

async fn send(broker: &Broker, record: &JobRecord, payload: Payload) -> Result<(), ApiError> {
    let job = payload.job.in_round(record.round + 1, broker.jobs.bus.nats.time.now_ms());
    let data = job.to_json().map_err(ApiError::internal)?;
    let todo = Outgoing::about(job.id, EventType::Todo, topology::todo(job.spec.kind()), data)
        .with_id(message_id(job.id, job.round, Hop::Todo))
        .linked(record.previous, attr::LINK_PREVIOUS_ATTEMPT)
        .linked(telemetry::current_span_ref(), attr::LINK_REQUEST)
        .with_timeout(PUBLISH_TIMEOUT);
    let context = trace_context::without_faults(record.previous, &payload.context);
    let stored = broker.jobs.bus.publish(todo).with_context(context.clone()).await;
    let stored = stored.map_err(|error| ApiError::publish(error, ADVICE))?;
    trace_context::begin_round(broker, &job, &record.trace_id).with_context(context).await;
    if stored.duplicate { Err(already_started()) } else { Ok(()) }
}

fn already_started() -> ApiError {
    ApiError::forbidden_by_state("Another request has just started the job again.")
}

fn spec_not_kept() -> ApiError {
    let title = "The job cannot be started again";
    let detail = "The spec of the job is no longer kept, or the job never came to the queue. Submit it as a new job.";
    ApiError::new(StatusCode::CONFLICT, "payload-forgotten", title, detail)
}
