//! `POST /v1/dead-letters/{seq}/redrive`: publishes the message to its stage again.
//!
//! It stays in its trace: the new span is a child of the span that dead-lettered the message, and links to it. The
//! dead letter is deleted only after the broker has stored the message.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use contract::{api::Redriven, signals::attr};
use opentelemetry::trace::FutureExt as _;
use tokio::time::timeout;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{
    dead_letter::{DeadLetter, read},
    delete::delete_message,
    gone,
    redrive_message::RedriveMessage,
    seq_of,
};
use crate::{app::App, broker::Broker, error::ApiError, submit::PUBLISH_TIMEOUT, trace_context};

/// Timeout of a redrive, including its publish.
const TIMEOUT: Duration = Duration::from_secs(8);
/// What a client can do if the outcome is unknown.
const ADVICE: &str = "Look at the job: if it has not started again, repeat the redrive.";

/// Redrive a dead letter.
///
/// The message goes back to its stage in the same trace, and the dead letter is deleted. A job starts a new round.
/// If two clients redrive it at the same time, one of them gets 409 or 404.
#[utoipa::path(
    post,
    path = "/v1/dead-letters/{seq}/redrive",
    tag = "dead-letters",
    operation_id = "redrive_dead_letter",
    params(("seq" = u64, Path, minimum = 1, description = "Sequence number of the dead letter, as in the list.")),
    responses(
        (status = 202, description = "The message was published to its stage.", body = Redriven),
        (status = 409, description = "The job is still running or has succeeded, the dead letter was just redriven, or its message would be dead-lettered again."),
    ),
)]
pub(crate) async fn redrive(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<(StatusCode, Json<Redriven>), ApiError> {
    let seq = seq_of(path)?;
    let broker = app.broker()?;
    app.capacity.check()?;
    let redriven = redrive_one(broker, seq).await?;
    if let Some(job) = redriven.job {
        Span::current().set_attribute(attr::JOB_ID, job.to_string());
    }
    Ok((StatusCode::ACCEPTED, Json(redriven)))
}

/// Publishes the message of the dead letter at `seq` again and deletes the dead letter.
pub(crate) async fn redrive_one(broker: &Broker, seq: u64) -> Result<Redriven, ApiError> {
    let redriven = async {
        let dead_letter = read(&broker.dead, seq).await?.ok_or_else(|| gone(seq))?;
        send(broker, &dead_letter).await
    };
    let late = |_| Err(ApiError::unconfirmed(ADVICE, "redrive timed out"));
    timeout(TIMEOUT, redriven).await.unwrap_or_else(late)
}

async fn send(broker: &Broker, dead_letter: &DeadLetter) -> Result<Redriven, ApiError> {
    let (seq, trace_id) = (dead_letter.0.sequence, dead_letter.span().map(|span| span.trace_hex()));
    let redrive_message = RedriveMessage::new(&broker.jobs, dead_letter).await?;
    let event = redrive_message
        .event
        .linked(dead_letter.span(), attr::LINK_REDRIVEN_FROM)
        .linked(telemetry::current_span_ref(), attr::LINK_REQUEST)
        .with_timeout(PUBLISH_TIMEOUT);
    let context = trace_context::without_faults(None, &bus::context_of(&dead_letter.0.headers));
    let stored = broker.jobs.bus.publish(event).with_context(context.clone()).await;
    let stored = stored.map_err(|error| ApiError::publish(error, ADVICE))?;
    if stored.duplicate {
        return Err(already_redriven());
    }
    if let Some(job) = &redrive_message.starts_round {
        let trace_id = trace_id.as_deref().unwrap_or_default();
        trace_context::begin_round(broker, job, trace_id).with_context(context).await;
    }
    if let Err(error) = delete_message(broker, seq).await {
        tracing::warn!(seq, ?error, "cannot delete a redriven dead letter");
    }
    let (stage, job, round) = (redrive_message.stage, redrive_message.job, redrive_message.round);
    tracing::info!(seq, %stage, "redrive dead letter");
    Ok(Redriven { seq, stage, job, round, trace_id })
}

fn already_redriven() -> ApiError {
    let title = "The dead letter was already redriven";
    let detail = "Another request has just redriven this dead letter. If it is still listed, look at its job, then delete it.";
    ApiError::new(StatusCode::CONFLICT, "already-redriven", title, detail)
}
