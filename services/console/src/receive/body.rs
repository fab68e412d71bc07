//! Reads a request's body, before anything else is spent on it: within its limits in size and time, and within the room
//! that all bodies on their way share.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::EXPORT_BYTES_MAX;
use super::coding::Coding;

/// How long a body may take to arrive. Exporters are on this machine or near it.
pub(super) const BODY_TIME_LIMIT: Duration = Duration::from_secs(2);

/// How long a body waits for room that others take.
const ROOM_TIME_LIMIT: Duration = Duration::from_millis(500);

/// Bytes of an oversized body that are read and thrown away, so that the sender gets to read the answer:
/// most send the whole body first, and a connection closed on them hides it.
const DISCARDED_MAX: usize = 8 * EXPORT_BYTES_MAX;

/// Why a body could not be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("an export may have {EXPORT_BYTES_MAX} bytes; send smaller batches")]
    TooLarge,
    #[error("Content-Encoding must be one of {}", Coding::NAMES)]
    Coding,
    #[error("the body is not {0}")]
    NotPacked(&'static str),
    #[error("the body ended early")]
    Incomplete,
    #[error("the body did not arrive within {BODY_TIME_LIMIT:?}")]
    Slow,
    #[error("too many exports at a time; come back in a second")]
    NoRoom,
    #[error("the body is not UTF-8")]
    NotUtf8,
    #[error("the message is not framed as gRPC frames it")]
    Frame,
}

/// A body with the room that it takes.
pub(super) struct Held {
    pub(super) bytes: Bytes,
    /// Given back when the body has been read.
    _room: Option<OwnedSemaphorePermit>,
}

/// Reads the body. Its bytes take room as they arrive: who sends nothing holds nothing.
pub(super) async fn collect(body: Body, room: &Arc<Semaphore>) -> Result<Held, Unreadable> {
    timeout(BODY_TIME_LIMIT, read(body, room)).await.unwrap_or(Err(Unreadable::Slow))
}

async fn read(mut body: Body, room: &Arc<Semaphore>) -> Result<Held, Unreadable> {
    let (mut kept, mut length, mut held) = (BytesMut::new(), 0_usize, None);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Unreadable::Incomplete)?;
        let Some(data) = frame.data_ref() else { continue };
        length += data.len();
        if length <= EXPORT_BYTES_MAX {
            take_room(&mut held, room, data.len()).await?;
            kept.extend_from_slice(data);
        } else if length > DISCARDED_MAX {
            break;
        } else {
            (kept, held) = (BytesMut::new(), None);
        }
    }
    if length > EXPORT_BYTES_MAX {
        return Err(Unreadable::TooLarge);
    }
    Ok(Held { bytes: kept.freeze(), _room: held })
}

async fn take_room(
    held: &mut Option<OwnedSemaphorePermit>,
    room: &Arc<Semaphore>,
    bytes: usize,
) -> Result<(), Unreadable> {
    let bytes = u32::try_from(bytes).map_err(|_| Unreadable::TooLarge)?;
    let more = timeout(ROOM_TIME_LIMIT, Arc::clone(room).acquire_many_owned(bytes)).await;
    // Whoever gives up gives back what it holds, so that of several large bodies some get through.
    let more = more.ok().and_then(Result::ok).ok_or(Unreadable::NoRoom)?;
    match held {
        Some(held) => held.merge(more),
        None => *held = Some(more),
    }
    Ok(())
}
