//! `GET /v1/queues`: how the queues and stores at the broker fare.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, extract::State};
use bus::queue_watch;
use contract::api::QueueList;
use tokio::{sync::Mutex, time::timeout};

use crate::{app::App, error::ApiError};

/// How long a look serves: many who ask at once are one look.
const FRESH: Duration = Duration::from_millis(500);
/// How long a look may take.
const LOOK_TIME_MAX: Duration = Duration::from_secs(4);

/// The last look, for all who ask at the same time.
#[derive(Default)]
pub(crate) struct Looks(Mutex<Option<(Instant, QueueList)>>);

/// Show how the queues and stores fare.
#[utoipa::path(
    get,
    path = "/v1/queues",
    tag = "queues",
    operation_id = "show_queues",
    responses((status = 200, description = "Every queue and store.", body = QueueList)),
)]
pub(crate) async fn queues(State(app): State<Arc<App>>) -> Result<Json<QueueList>, ApiError> {
    let broker = app.broker()?;
    let look = async {
        // Held over the look: whoever comes meanwhile gets the same one.
        let mut last = app.looks.0.lock().await;
        if let Some((_, seen)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(seen.clone());
        }
        let seen = queue_watch::look(&broker.bus).await.map_err(ApiError::broker_away)?;
        *last = Some((Instant::now(), seen.clone()));
        Ok(seen)
    };
    let late = |_| Err(ApiError::broker_away("the queues took too long to look at"));
    timeout(LOOK_TIME_MAX, look).await.unwrap_or_else(late).map(Json)
}
