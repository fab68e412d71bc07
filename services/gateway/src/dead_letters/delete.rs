//! `DELETE /v1/dead-letters/{seq}`: deletes a dead letter.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use contract::{record::Unreadable, signals::reason::RECORD_UNREADABLE};
use jobs::RecordError;
use tokio::time::timeout;

use super::{dead_letter::read, gone, seq_of};
use crate::{app::App, broker::Broker, error::ApiError};

/// How long the broker may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// What a client can do if the outcome is unknown.
const ADVICE: &str = "Repeat the request: 404 means that the dead letter is deleted.";

/// Delete a dead letter for good.
///
/// If the record of its job is damaged, the record is deleted as well, and the job is no longer known.
#[utoipa::path(
    delete,
    path = "/v1/dead-letters/{seq}",
    tag = "dead-letters",
    operation_id = "delete_dead_letter",
    params(("seq" = u64, Path, minimum = 1, description = "Sequence number of the dead letter, as in the list.")),
    responses((status = 204, description = "The dead letter is deleted.")),
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let seq = seq_of(path)?;
    let broker = app.broker()?;
    let deleted = timeout(TIMEOUT, delete_with_record(broker, seq)).await;
    let late = |_| Err(ApiError::unconfirmed(ADVICE, "timed out deleting the dead letter"));
    if !deleted.unwrap_or_else(late)? {
        return Err(gone(seq));
    }
    tracing::info!(seq, "delete dead letter");
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes the dead letter, and the record of its job if that is damaged: it could not be used, and would never expire.
/// False if there was no such dead letter.
async fn delete_with_record(broker: &Broker, seq: u64) -> Result<bool, ApiError> {
    let Some(dead_letter) = read(&broker.dead, seq).await? else { return Ok(false) };
    let view = dead_letter.view();
    let deleted = delete_message(broker, seq).await?;
    if let Some(job) = view.job.filter(|_| deleted && view.reason == RECORD_UNREADABLE) {
        let records = &broker.jobs.records;
        if let Err(RecordError::Unreadable { cause: Unreadable::Damaged(_), revision, .. }) =
            records.load(job).await
        {
            records.remove(job, revision).await.map_err(ApiError::record)?;
            tracing::info!(job_id = %job, "delete damaged record with its dead letter");
        }
    }
    Ok(deleted)
}

/// Deletes the dead letter from its stream; false if there was none.
pub(super) async fn delete_message(broker: &Broker, seq: u64) -> Result<bool, ApiError> {
    match broker.losses.count_delete(broker.dead.delete_message(seq)).await {
        Ok(deleted) => Ok(deleted),
        // The broker has one error for every failure, also for a message that is already deleted.
        Err(error) => match read(&broker.dead, seq).await? {
            None => Ok(false),
            Some(_) => Err(ApiError::unconfirmed(ADVICE, error)),
        },
    }
}
