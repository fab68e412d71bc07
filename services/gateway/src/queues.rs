//! `GET /v1/queues`: depth and size of the broker's queues and stores.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, extract::State};
use contract::api::QueueList;
use nats::streams;
use tokio::{sync::Mutex, time::timeout};

use crate::{app::App, error::ApiError};

/// How long a snapshot is reused: many requests at once make one query.
const CACHE_TIME: Duration = Duration::from_millis(500);
/// Timeout of a snapshot.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(4);

/// The last snapshot, shared by requests at the same time.
#[derive(Default)]
pub(crate) struct CachedQueues(Mutex<Option<(Instant, QueueList)>>);

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
    let snapshot = async {
        // Locked during the query: requests that arrive meanwhile get the same snapshot.
        let mut last = app.queues.0.lock().await;
        if let Some((_, cached)) = last.as_ref().filter(|(at, _)| at.elapsed() < CACHE_TIME) {
            return Ok(cached.clone());
        }
        let queues =
            streams::snapshot(&broker.jobs.bus.nats).await.map_err(ApiError::broker_away)?;
        *last = Some((Instant::now(), queues.clone()));
        Ok(queues)
    };
    let late = |_| Err(ApiError::broker_away("timed out reading the queues"));
    timeout(SNAPSHOT_TIMEOUT, snapshot).await.unwrap_or_else(late).map(Json)
}
