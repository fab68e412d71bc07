//! Reads a request's body, before anything else is spent on it: within its limits in size and time, and within the room
//! that all bodies on their way share.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::EXPORT_BYTES_MAX;
use super::coding::Coding;

/// How long a sender may be waited for, in all, until its body is there. Exporters are on this machine or near it.
pub(super) const BODY_TIME_LIMIT: Duration = Duration::from_secs(2);

/// How long a body waits for room that others take: for one piece of it, and for all of them together.
const ROOM_WAIT_LIMIT: Duration = Duration::from_millis(500);
const ROOM_TIME_LIMIT: Duration = Duration::from_secs(2);

/// Bytes of an oversized body that are read and thrown away, so that the sender gets to read the answer:
/// most send the whole body first, and a connection closed on them hides it.
const DISCARDED_MAX: usize = 8 * EXPORT_BYTES_MAX;

/// Why a body could not be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the export is larger than {EXPORT_BYTES_MAX} bytes; send smaller batches")]
    TooLarge,
    #[error("Content-Encoding must be one of {}", Coding::NAMES)]
    Coding,
    #[error("the body is not {0}")]
    NotPacked(&'static str),
    #[error("the connection closed before the end of the body")]
    Incomplete,
    #[error("the body did not arrive within {BODY_TIME_LIMIT:?}")]
    Slow,
    #[error("too many exports at the same time; retry in a second")]
    NoRoom,
    #[error("the body is not UTF-8")]
    NotUtf8,
    #[error("the message has an invalid gRPC frame")]
    Frame,
}

/// A body with the room that it takes.
pub(super) struct Held {
    pub(super) bytes: Bytes,
    /// Given back when the body has been read.
    _room: Option<OwnedSemaphorePermit>,
}

/// Reads the body. Its bytes take room as they arrive, so a sender that sends nothing holds nothing.
pub(super) async fn collect(body: Body, room: &Arc<Semaphore>) -> Result<Held, Unreadable> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut sender = Sender { body, left: BODY_TIME_LIMIT };
    let mut place = Place { held: None, room, left: ROOM_TIME_LIMIT };
    let (mut kept, mut length) = (BytesMut::new(), 0_usize);
    while let Some(data) = sender.next().await? {
        length += data.len();
        if length <= EXPORT_BYTES_MAX {
            place.take(data.len()).await?;
            if kept.is_empty() {
                // Growing step by step, it would be there twice at every step. What is not written to takes nothing.
                kept.reserve(announced.min(EXPORT_BYTES_MAX));
            }
            kept.extend_from_slice(&data);
        } else if length > DISCARDED_MAX {
            break;
        } else {
            (kept, place.held) = (BytesMut::new(), None);
        }
    }
    if length > EXPORT_BYTES_MAX {
        return Err(Unreadable::TooLarge);
    }
    Ok(Held { bytes: kept.freeze(), _room: place.held })
}

/// A body as it arrives, and how long it may still be waited for.
struct Sender {
    body: Body,
    left: Duration,
}

impl Sender {
    /// The next piece; `None` at the end. Only waiting for the sender counts, not what is done between two pieces: who
    /// is kept waiting is not slow.
    async fn next(&mut self) -> Result<Option<Bytes>, Unreadable> {
        loop {
            let started = Instant::now();
            let frame =
                timeout(self.left, self.body.frame()).await.map_err(|_| Unreadable::Slow)?;
            self.left = self.left.saturating_sub(started.elapsed());
            let Some(frame) = frame.transpose().map_err(|_| Unreadable::Incomplete)? else {
                return Ok(None);
            };
            // Trailers say nothing here.
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }
}

/// The room that a body takes, and how long it may still wait for more.
struct Place<'a> {
    held: Option<OwnedSemaphorePermit>,
    room: &'a Arc<Semaphore>,
    left: Duration,
}

impl Place<'_> {
    async fn take(&mut self, bytes: usize) -> Result<(), Unreadable> {
        let bytes = u32::try_from(bytes).map_err(|_| Unreadable::TooLarge)?;
        let started = Instant::now();
        let wait = self.left.min(ROOM_WAIT_LIMIT);
        let more = timeout(wait, Arc::clone(self.room).acquire_many_owned(bytes)).await;
        // Whoever gives up gives back what it holds, so that of several large bodies some get through.
        let more = more.ok().and_then(Result::ok).ok_or(Unreadable::NoRoom)?;
        self.left = self.left.saturating_sub(started.elapsed());
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};
    use tokio::time::sleep;

    use super::*;

    const STEP: Duration = Duration::from_millis(400);

    /// A body of so many bytes, one at a time; the sender takes this long for each.
    fn body(bytes: usize, delay: Duration) -> Body {
        let piece = move |_| async move {
            sleep(delay).await;
            Ok::<_, std::io::Error>(Bytes::from_static(b"x"))
        };
        Body::from_stream(stream::iter(0..bytes).then(piece))
    }

    /// Collects the body while others give back room for one byte at every step.
    async fn collected(body: Body) -> (Result<usize, Unreadable>, Duration) {
        let room = Arc::new(Semaphore::new(0));
        let giving = Arc::clone(&room);
        let others = tokio::spawn(async move {
            loop {
                sleep(STEP).await;
                giving.add_permits(1);
            }
        });
        let started = Instant::now();
        let read = collect(body, &room).await.map(|held| held.bytes.len());
        others.abort();
        (read, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_that_waits_for_room_is_put_off_and_not_called_slow() {
        let (read, took) = collected(body(100, Duration::ZERO)).await;
        assert!(matches!(read, Err(Unreadable::NoRoom)), "{read:?}");
        assert!(took <= ROOM_TIME_LIMIT + STEP, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_in_which_a_body_waits_for_room_is_not_its_senders() {
        // Four steps of waiting for room, and a second and a half for the sender: each within its limit.
        let slow_then_full = body(1, Duration::from_millis(1_500)).into_data_stream();
        let rest = body(7, Duration::ZERO).into_data_stream();
        let (read, took) = collected(Body::from_stream(slow_then_full.chain(rest))).await;
        assert_eq!(read.ok(), Some(8));
        assert!(took > BODY_TIME_LIMIT, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_that_is_slow_itself_gets_that_error_even_when_there_is_room() {
        let room = Arc::new(Semaphore::new(1_000));
        let started = Instant::now();
        let read = collect(body(100, STEP), &room).await;
        assert!(matches!(read, Err(Unreadable::Slow)));
        assert_eq!((started.elapsed(), room.available_permits()), (BODY_TIME_LIMIT, 1_000));
    }
}
