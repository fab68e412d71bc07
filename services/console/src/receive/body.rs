//! Reads a request's body within its limits in size and time, and within the memory that all bodies share.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::error::ReadBodyError;
use super::limits::{
    BODY_MEMORY_WAIT, CHUNK_MEMORY_WAIT, DISCARDED_BYTES_MAX, EXPORT_BYTES_MAX, SENDER_WAIT,
};

/// A complete body, with the permits for its memory.
pub(super) struct ReceivedBody {
    pub(super) bytes: Bytes,
    /// Released when the body is dropped.
    _memory: Option<OwnedSemaphorePermit>,
}

/// Reads the body. Permits are acquired as its bytes arrive, so that an idle sender holds none.
pub(super) async fn collect(
    body: Body,
    memory: &Arc<Semaphore>,
) -> Result<ReceivedBody, ReadBodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut reader = BodyReader { body, wait_left: SENDER_WAIT };
    let mut permits = MemoryPermits { held: None, memory, wait_left: BODY_MEMORY_WAIT };
    let (mut kept, mut length) = (BytesMut::new(), 0_usize);
    while let Some(data) = reader.next().await? {
        length += data.len();
        if length <= EXPORT_BYTES_MAX {
            permits.acquire(data.len()).await?;
            if kept.is_empty() {
                // Growing step by step would copy the body at every step. Untouched pages take no memory.
                kept.reserve(announced.min(EXPORT_BYTES_MAX));
            }
            kept.extend_from_slice(&data);
        } else if length > DISCARDED_BYTES_MAX {
            break;
        } else {
            (kept, permits.held) = (BytesMut::new(), None);
        }
    }
    if length > EXPORT_BYTES_MAX {
        return Err(ReadBodyError::TooLarge);
    }
    Ok(ReceivedBody { bytes: kept.freeze(), _memory: permits.held })
}

/// An arriving body.
struct BodyReader {
    body: Body,
    wait_left: Duration,
}

impl BodyReader {
    /// The next chunk; `None` at the end. Only the time spent waiting for the sender counts, not the time between two
    /// calls.
    async fn next(&mut self) -> Result<Option<Bytes>, ReadBodyError> {
        loop {
            let started = Instant::now();
            let frame = timeout(self.wait_left, self.body.frame())
                .await
                .map_err(|_| ReadBodyError::Slow)?;
            self.wait_left = self.wait_left.saturating_sub(started.elapsed());
            let Some(frame) = frame.transpose().map_err(|_| ReadBodyError::Incomplete)? else {
                return Ok(None);
            };
            // Trailers are ignored.
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }
}

/// Permits for the memory of a body.
struct MemoryPermits<'a> {
    held: Option<OwnedSemaphorePermit>,
    memory: &'a Arc<Semaphore>,
    wait_left: Duration,
}

impl MemoryPermits<'_> {
    /// Acquires permits for more bytes. On an error the caller drops those that it holds, so that of several large bodies
    /// some are read.
    async fn acquire(&mut self, bytes: usize) -> Result<(), ReadBodyError> {
        let bytes = u32::try_from(bytes).map_err(|_| ReadBodyError::TooLarge)?;
        let started = Instant::now();
        let wait = self.wait_left.min(CHUNK_MEMORY_WAIT);
        let more = timeout(wait, Arc::clone(self.memory).acquire_many_owned(bytes)).await;
        let more = more.ok().and_then(Result::ok).ok_or(ReadBodyError::NoMemory)?;
        self.wait_left = self.wait_left.saturating_sub(started.elapsed());
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

    /// A body of this many bytes, one at a time; the sender takes `delay` for each.
    fn body(bytes: usize, delay: Duration) -> Body {
        let chunk = move |_| async move {
            sleep(delay).await;
            Ok::<_, std::io::Error>(Bytes::from_static(b"x"))
        };
        Body::from_stream(stream::iter(0..bytes).then(chunk))
    }

    /// Collects the body while other bodies release memory for one byte at every step.
    async fn collected(body: Body) -> (Result<usize, ReadBodyError>, Duration) {
        let memory = Arc::new(Semaphore::new(0));
        let releasing = Arc::clone(&memory);
        let others = tokio::spawn(async move {
            loop {
                sleep(STEP).await;
                releasing.add_permits(1);
            }
        });
        let started = Instant::now();
        let read = collect(body, &memory).await.map(|received| received.bytes.len());
        others.abort();
        (read, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_waits_for_memory_gets_a_retryable_error_not_a_timeout() {
        let (read, took) = collected(body(100, Duration::ZERO)).await;
        assert!(matches!(read, Err(ReadBodyError::NoMemory)), "{read:?}");
        assert!(took <= BODY_MEMORY_WAIT + STEP, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_memory_does_not_count_as_waiting_for_the_sender() {
        // Four steps of waiting for memory, and a second and a half for the sender: each within its limit.
        let slow_then_full = body(1, Duration::from_millis(1_500)).into_data_stream();
        let rest = body(7, Duration::ZERO).into_data_stream();
        let (read, took) = collected(Body::from_stream(slow_then_full.chain(rest))).await;
        assert_eq!(read.ok(), Some(8));
        assert!(took > SENDER_WAIT, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_sender_gets_a_timeout_even_if_there_is_memory() {
        let memory = Arc::new(Semaphore::new(1_000));
        let started = Instant::now();
        let read = collect(body(100, STEP), &memory).await;
        assert!(matches!(read, Err(ReadBodyError::Slow)));
        assert_eq!((started.elapsed(), memory.available_permits()), (SENDER_WAIT, 1_000));
    }
}
