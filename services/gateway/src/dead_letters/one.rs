//! `GET` and `DELETE /v1/dead-letters/{seq}`: all that is in one, and dropping it.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use bus::records::RecordError;
use contract::{api::DeadLetterDetail, record::Unreadable, signals::reason::RECORD_UNREADABLE};
use tokio::time::timeout;

use super::{gone, letter::look, seq_of};
use crate::{app::App, broker::Broker, error::ApiError};

/// How long the broker may take.
const TIME_MAX: Duration = Duration::from_secs(3);
/// What a client does who was not told.
const ADVICE: &str = "Repeat it: what is gone is a 404.";

/// Show all that is in a dead letter.
#[utoipa::path(
    get,
    path = "/v1/dead-letters/{seq}",
    tag = "dead-letters",
    operation_id = "show_dead_letter",
    params(("seq" = u64, Path, minimum = 1, description = "Its place, as in the list.")),
    responses((status = 200, description = "The dead letter.", body = DeadLetterDetail)),
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<DeadLetterDetail>, ApiError> {
    let seq = seq_of(path)?;
    let letter = timeout(TIME_MAX, look(&app.broker()?.dead, seq)).await;
    let letter = letter.unwrap_or_else(|_| Err(ApiError::broker_away("no dead letter in time")))?;
    Ok(Json(letter.ok_or_else(|| gone(seq))?.detail()))
}

/// Drop a dead letter for good.
///
/// If its job's record is damaged, the record is removed as well, and the job is no longer known.
#[utoipa::path(
    delete,
    path = "/v1/dead-letters/{seq}",
    tag = "dead-letters",
    operation_id = "drop_dead_letter",
    params(("seq" = u64, Path, minimum = 1, description = "Its place, as in the list.")),
    responses((status = 204, description = "It is gone.")),
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let seq = seq_of(path)?;
    let broker = app.broker()?;
    let removed = timeout(TIME_MAX, drop_one(broker, seq)).await;
    let late = |_| Err(ApiError::unconfirmed(ADVICE, "no answer in time"));
    let removed = removed.unwrap_or_else(late)?;
    if !removed {
        return Err(gone(seq));
    }
    tracing::info!(seq, "a dead letter was dropped");
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes the letter; false when there was none. With a letter of a job whose record is damaged goes the record: it is
/// of no use to anybody, and would never expire.
async fn drop_one(broker: &Broker, seq: u64) -> Result<bool, ApiError> {
    let Some(letter) = look(&broker.dead, seq).await? else { return Ok(false) };
    let view = letter.view();
    let removed = take_away(broker, seq).await?;
    if let Some(job) = view.job.filter(|_| removed && view.reason == RECORD_UNREADABLE) {
        let records = &broker.bus.records;
        if let Err(RecordError::Unreadable { cause: Unreadable::Damaged(_), revision, .. }) =
            records.load(job).await
        {
            records.remove(job, revision).await.map_err(ApiError::record)?;
            tracing::info!(job_id = %job, "a damaged record was removed with its dead letter");
        }
    }
    Ok(removed)
}

/// Deletes the letter; false when there was none.
pub(super) async fn take_away(broker: &Broker, seq: u64) -> Result<bool, ApiError> {
    match broker.forgotten.except(broker.dead.delete_message(seq)).await {
        Ok(deleted) => Ok(deleted),
        // The broker has one error for all that can be wrong: what is not there was deleted before.
        Err(error) => match look(&broker.dead, seq).await? {
            None => Ok(false),
            Some(_) => Err(ApiError::unconfirmed(ADVICE, error)),
        },
    }
}
