//! `POST /v1/dead-letters/{seq}/redrive`: the message goes back to where its stage reads.
//!
//! The trace goes on: the new span is a child of the one that put the message away, and links to it. The
//! letter is deleted only after the broker has stored the message.

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
    gone,
    letter::{Letter, look},
    one::take_away,
    redrive_message::Parcel,
    seq_of,
};
use crate::{app::App, broker::Broker, error::ApiError, submit::PATIENCE, trace_context};

/// How long one redrive may take, its publish included.
const TIME_MAX: Duration = Duration::from_secs(8);
/// What a client does who was not told.
const ADVICE: &str = "Look at the job: if it has not started again, repeat.";

/// Drive a dead letter again.
///
/// The message goes back to its stage in the same trace, a job as a new round, and the dead letter is gone.
/// Of two who ask at once, one is told 409 or 404.
#[utoipa::path(
    post,
    path = "/v1/dead-letters/{seq}/redrive",
    tag = "dead-letters",
    operation_id = "redrive_dead_letter",
    params(("seq" = u64, Path, minimum = 1, description = "Its place, as in the list.")),
    responses(
        (status = 202, description = "The message is on its way.", body = Redriven),
        (status = 409, description = "Its job goes on or has succeeded, it is on its way already, or it would only come back."),
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

/// Sends the message of the letter at `seq` again and deletes the letter.
pub(crate) async fn redrive_one(broker: &Broker, seq: u64) -> Result<Redriven, ApiError> {
    let drive = async {
        let letter = look(&broker.dead, seq).await?.ok_or_else(|| gone(seq))?;
        send(broker, &letter).await
    };
    let late = |_| Err(ApiError::unconfirmed(ADVICE, "a redrive took too long"));
    timeout(TIME_MAX, drive).await.unwrap_or_else(late)
}

async fn send(broker: &Broker, letter: &Letter) -> Result<Redriven, ApiError> {
    let (seq, trace_id) = (letter.0.sequence, letter.span().map(|span| span.trace_hex()));
    let redrive_message = Parcel::pack(&broker.bus, letter).await?;
    let event = redrive_message
        .event
        .linked(letter.span(), attr::LINK_REDRIVEN_FROM)
        .linked(telemetry::current_span_ref(), attr::LINK_REQUEST)
        .within(PATIENCE);
    let context = trace_context::without_faults(None, &bus::context_of(&letter.0.headers));
    let stored = broker.bus.publish(event).with_context(context.clone()).await;
    let stored = stored.map_err(|error| ApiError::publish(error, ADVICE))?;
    if stored.duplicate {
        return Err(under_way());
    }
    if let Some(job) = &redrive_message.begins {
        let trace_id = trace_id.as_deref().unwrap_or_default();
        trace_context::begin_round(broker, job, trace_id).with_context(context).await;
    }
    if let Err(error) = take_away(broker, seq).await {
        tracing::warn!(seq, ?error, "a dead letter that was driven again is still there");
    }
    let (stage, job, round) = (redrive_message.stage, redrive_message.job, redrive_message.round);
    tracing::info!(seq, %stage, "a dead letter was driven again");
    Ok(Redriven { seq, stage, job, round, trace_id })
}

fn under_way() -> ApiError {
    let title = "The message is on its way already";
    let detail = "Somebody else has just driven this dead letter again. If it stays, look at its job and drop it.";
    ApiError::new(StatusCode::CONFLICT, "already-redriven", title, detail)
}
