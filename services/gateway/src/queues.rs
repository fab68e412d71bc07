//! `GET /v1/queues`: depth and size of the broker's queues and stores.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use contract::api::QueueList;
use tokio::time::timeout;

use crate::{app::App, error::ApiError};

/// How long a reading is reused: many requests at the same time make one query.
const CACHE_TIME: Duration = Duration::from_millis(500);
/// Timeout of a reading.
const READ_TIMEOUT: Duration = Duration::from_secs(4);

/// Show the state of the queues and stores.
#[utoipa::path(
    get,
    path = "/v1/queues",
    tag = "queues",
    operation_id = "show_queues",
    responses((status = 200, description = "Every queue and store.", body = QueueList)),
)]
pub(crate) async fn queues(State(app): State<Arc<App>>) -> Result<Json<QueueList>, ApiError> {
    let broker = app.broker()?;
    let read = timeout(READ_TIMEOUT, broker.streams.recent(CACHE_TIME)).await;
    let states = read.map_err(|_| ApiError::broker_away("timed out reading the queues"))?;
    states.queue_list().map(Json).map_err(ApiError::broker_away)
}
