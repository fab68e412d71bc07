//! `GET /v1/jobs/{id}/operations/{n}/image`: the tile that an operation has rendered, as a PNG.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use contract::{JobId, operation::OperationKind};
use futures_util::StreamExt as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::io::ReaderStream;

use super::operations::{index_of, one};
use crate::{app::App, error::ApiError};

/// Images that are sent at the same time.
const IMAGES_CONCURRENT_MAX: usize = 16;
/// Timeout of opening a tile in the object store.
const OPEN_TIMEOUT: Duration = Duration::from_secs(3);
/// Size of a chunk in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// Permits for sending images.
pub(crate) struct ImagePermits(Arc<Semaphore>);

impl Default for ImagePermits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(IMAGES_CONCURRENT_MAX)))
    }
}

impl ImagePermits {
    fn acquire(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.0.clone().try_acquire_owned().map_err(|_| {
            let (title, detail) = ("Too many images are requested", "Try again in a moment.");
            let status = StatusCode::SERVICE_UNAVAILABLE;
            ApiError::new(status, "too-many-images", title, detail).retry_after(1)
        })
    }
}

/// Fetch the image of a `render` operation.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/operations/{n}/image",
    tag = "jobs",
    operation_id = "fetch_image",
    params(
        ("id" = JobId, Path, description = "The job's id."),
        ("n" = u32, Path, description = "Index of the operation, from 0."),
    ),
    responses((status = 200, description = "The tile.", body = Vec<u8>, content_type = "image/png")),
)]
pub(crate) async fn image(
    State(app): State<Arc<App>>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, ApiError> {
    let (id, n) = index_of(path)?;
    let broker = app.broker()?;
    let (record, operation) = one(broker, id, n).await?;
    let (Some(run), Some(_)) = (&record.run, &operation.image) else {
        return Err(ApiError::not_found(no_image()));
    };
    let permit = app.image_permits.acquire()?;
    let tile = timeout(OPEN_TIMEOUT, broker.jobs.results.tile(id, run, n)).await;
    let tile = tile.map_err(|_| ApiError::broker_away("timed out opening the tile"))?;
    let tile = tile.map_err(ApiError::broker_away)?;
    let tile = tile.ok_or_else(|| ApiError::not_found("The image is no longer kept."))?;
    let size = tile.info().size;
    // Releases the permit when the last chunk was sent, or the client has disconnected.
    let chunks = ReaderStream::with_capacity(tile, CHUNK_BYTES).map(move |chunk| {
        let _ = &permit;
        chunk
    });
    let headers = [
        (header::CONTENT_TYPE, "image/png".to_owned()),
        (header::CONTENT_LENGTH, size.to_string()),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// Names the kinds that have an image.
fn no_image() -> String {
    let kinds = OperationKind::ALL.into_iter().filter(|kind| kind.has_image());
    let kinds: Vec<_> = kinds.map(|kind| format!("`{kind}`")).collect();
    let kinds = kinds.join(" or ");
    format!("This operation has no image: only a {kinds} operation that is done has one.")
}
