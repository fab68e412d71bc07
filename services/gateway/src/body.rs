//! Reads request bodies, limited in size and time.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::StatusCode,
};
use bytes::{Bytes, BytesMut};
use contract::api::BODY_BYTES_MAX;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use crate::error::ApiError;

/// How long a client may take to send a body.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);
/// How much of a body that is too large is read and discarded, in bytes: a client that is still
/// sending when the connection closes would not see the response.
const DISCARDED_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;

/// A complete body. The router has checked its media type.
pub(crate) struct WholeBody(pub(crate) Bytes);

impl<S: Sync> FromRequest<S> for WholeBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        match timeout(BODY_TIME_MAX, whole(request.into_body())).await {
            Ok(body) => body.map(Self),
            Err(_) => Err(late()),
        }
    }
}

async fn whole(body: Body) -> Result<Bytes, ApiError> {
    let mut chunks = body.into_data_stream();
    let (mut kept, mut seen) = (BytesMut::new(), 0_usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| broken())?;
        seen = seen.saturating_add(chunk.len());
        if seen <= BODY_BYTES_MAX {
            kept.extend_from_slice(&chunk);
        } else if seen > DISCARDED_BYTES_MAX {
            break;
        }
    }
    if seen > BODY_BYTES_MAX {
        return Err(ApiError::too_large("it", BODY_BYTES_MAX));
    }
    Ok(kept.freeze())
}

fn late() -> ApiError {
    let title = "The request took too long to arrive";
    let detail = format!("body: must arrive within {} seconds", BODY_TIME_MAX.as_secs());
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", title, detail)
}

fn broken() -> ApiError {
    let title = "The body is invalid";
    let detail = "body: the connection closed before its end";
    ApiError::new(StatusCode::BAD_REQUEST, "invalid-body", title, detail)
}
