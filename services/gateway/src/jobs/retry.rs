//! `POST /v1/jobs/{id}/retry`: an ended job starts again, as a new round of the same trace.
//!
//! The message of the new round is stored first; it is what begins the round (see `bus::round`).

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderName, StatusCode, header},
};
use bus::{Outgoing, payloads::Payload};
use contract::{
    JobId,
    api::JobView,
    event::EventType,
    record::JobRecord,
    signals::attr,
    state::JobState,
    topology::{self, Hop, message_id},
};
use opentelemetry::trace::FutureExt as _;
use tokio::time::timeout;

use super::{id_of, mark, record_of, show};
use crate::{
    app::App, broker::Broker, dead_letters, error::ApiError, submit::PATIENCE, trace_context,
};

/// How long the broker may take to find what the job asked for.
const PAYLOAD_TIME_MAX: Duration = Duration::from_secs(2);
/// What a client does who was not told.
const ADVICE: &str =
    "Look at the job: it may have started again. If its round is the old one, repeat.";

/// Start an ended job again.
///
/// A job that failed, is dead or was cancelled starts a new round, with all its attempts and in the same trace.
/// Faults that it carried stay behind. A dead job's dead letter leaves with it.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/retry",
    tag = "jobs",
    operation_id = "retry_job",
    params(("id" = JobId, Path, description = "The job's id.")),
    responses(
        (status = 202, description = "The job is queued again.", body = JobView,
            headers(("Location" = String, description = "Where the job is."))),
        (status = 409, description = "The job has not ended or has succeeded, or what it asked for is no longer kept."),
    ),
)]
pub(crate) async fn retry(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<JobView>), ApiError> {
    let id = id_of(path)?;
    mark(id);
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
            "The job has succeeded. Submit it as a new one to do it twice.".to_owned()
        }
        state => format!("The job has not ended: it is {state}."),
    }))
}

/// A dead job goes on from its dead letter, which leaves with it; any other from what it asked for.
async fn start_again(broker: &Broker, record: &JobRecord) -> Result<(), ApiError> {
    if let (JobState::Dead, Some(seq)) = (record.state, record.dead_letter) {
        match dead_letters::redrive::redrive_one(broker, seq).await {
            Err(error) if error.status() == StatusCode::NOT_FOUND => {}
            other => return other.map(drop),
        }
    }
    let payload = timeout(PAYLOAD_TIME_MAX, broker.bus.payloads.get(record)).await;
    let payload = payload.map_err(|_| ApiError::broker_away("no payload in time"))?;
    let payload = payload.map_err(ApiError::broker_away)?.ok_or_else(forgotten)?;
    send(broker, record, payload).await
}

async fn send(broker: &Broker, record: &JobRecord, payload: Payload) -> Result<(), ApiError> {
    let job = payload.job.in_round(record.round + 1, broker.bus.time.now_ms());
    let data = job.to_json().map_err(ApiError::internal)?;
    let todo = Outgoing::about(job.id, EventType::Todo, topology::todo(job.spec.kind()), data)
        .with_id(message_id(job.id, job.round, Hop::Todo))
        .linked(record.previous, attr::LINK_PREVIOUS_ATTEMPT)
        .linked(telemetry::current_span_ref(), attr::LINK_REQUEST)
        .within(PATIENCE);
    let context = trace_context::without_faults(record.previous, &payload.context);
    let stored = broker.bus.publish(todo).with_context(context.clone()).await;
    let stored = stored.map_err(|error| ApiError::publish(error, ADVICE))?;
    trace_context::begin_round(broker, &job, &record.trace_id).with_context(context).await;
    if stored.duplicate { Err(under_way()) } else { Ok(()) }
}

fn under_way() -> ApiError {
    ApiError::forbidden_by_state("Somebody else has just started the job again.")
}

fn forgotten() -> ApiError {
    let title = "The job cannot be started again";
    let detail =
        "What the job asked for is no longer kept, or never came to the queue. Submit it anew.";
    ApiError::new(StatusCode::CONFLICT, "payload-forgotten", title, detail)
}
