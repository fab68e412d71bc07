//! `GET /v1/jobs/{id}/operations/{n}/image`: the tile that an operation has drawn, as a PNG.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use contract::JobId;
use futures_util::StreamExt as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::io::ReaderStream;

use super::operations::{one, place_of};
use crate::{app::App, error::ApiError};

/// Tiles that are sent at once.
const AT_ONCE: usize = 16;
/// How long the store may take to find one.
const FIND_TIME_MAX: Duration = Duration::from_secs(3);
/// How much of a tile is read at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// The places of those who are sent a tile.
pub(crate) struct Senders(Arc<Semaphore>);

impl Default for Senders {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Senders {
    fn place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.0.clone().try_acquire_owned().map_err(|_| {
            let (title, detail) = ("Too many pictures are asked for", "Try again in a moment.");
            let status = StatusCode::SERVICE_UNAVAILABLE;
            ApiError::new(status, "too-many-images", title, detail).retry_after(1)
        })
    }
}

/// Fetch the picture that a `render` has drawn.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/operations/{n}/image",
    tag = "jobs",
    operation_id = "fetch_image",
    params(
        ("id" = JobId, Path, description = "The job's id."),
        ("n" = u32, Path, description = "The operation's place, from 0."),
    ),
    responses((status = 200, description = "The tile.", body = Vec<u8>, content_type = "image/png")),
)]
pub(crate) async fn image(
    State(app): State<Arc<App>>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, ApiError> {
    let (id, n) = place_of(path)?;
    let broker = app.broker()?;
    let (record, operation) = one(broker, id, n).await?;
    let (Some(run), Some(_)) = (&record.run, &operation.image) else {
        let detail = "This operation has no picture: only a `render` that is done has one.";
        return Err(ApiError::not_found(detail));
    };
    let place = app.senders.place()?;
    let tile = timeout(FIND_TIME_MAX, broker.bus.results.tile(id, run, n)).await;
    let tile = tile.map_err(|_| ApiError::broker_away("no tile in time"))?;
    let tile = tile.map_err(ApiError::broker_away)?;
    let tile = tile.ok_or_else(|| ApiError::not_found("The picture is no longer kept."))?;
    let size = tile.info().size;
    // The place is free again when the last chunk was sent, or the client has gone.
    let chunks = ReaderStream::with_capacity(tile, CHUNK_BYTES).map(move |chunk| {
        let _ = &place;
        chunk
    });
    let headers = [
        (header::CONTENT_TYPE, "image/png".to_owned()),
        (header::CONTENT_LENGTH, size.to_string()),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}
