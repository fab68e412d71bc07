//! `GET /v1/dead-letters/{seq}`: a dead letter with the headers and the data of its message.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use contract::api::DeadLetterDetail;
use tokio::time::timeout;

use super::{dead_letter::read, gone, seq_of};
use crate::{app::App, error::ApiError};

/// How long the broker may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Show a dead letter with its original message.
#[utoipa::path(
    get,
    path = "/v1/dead-letters/{seq}",
    tag = "dead-letters",
    operation_id = "show_dead_letter",
    params(("seq" = u64, Path, minimum = 1, description = "Sequence number of the dead letter, as in the list.")),
    responses((status = 200, description = "The dead letter.", body = DeadLetterDetail)),
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<DeadLetterDetail>, ApiError> {
    let seq = seq_of(path)?;
    let found = timeout(TIMEOUT, read(&app.broker()?.dead, seq)).await;
    let late = |_| Err(ApiError::broker_away("timed out reading the dead letter"));
    let dead_letter = found.unwrap_or_else(late)?.ok_or_else(|| gone(seq))?;
    Ok(Json(dead_letter.detail()))
}
