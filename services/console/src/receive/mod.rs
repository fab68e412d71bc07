//! Takes telemetry by OTLP, over gRPC and over HTTP, for all three signals.
//!
//! A body is read first, then waits for its turn, then is unpacked and decoded on a thread of its own. Both ways in
//! have their own room and turns: what floods one leaves the other alone. What is refused is reported to the sender:
//! the whole export by status, single items as a partial success.

mod body;
mod coding;
pub(crate) mod grpc;
pub(crate) mod http;
mod rpc_status;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use contract::signals::{TELEMETRY_DROPPED, signal};
use otlp::json::{self, ReadError};
use telemetry::Metrics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use self::body::{Held, Unreadable};
use self::coding::Coding;
use crate::export::{ExportReply, PartialSuccess};
use crate::store::{NotTaken, Signal, Store};

/// Largest export, compressed and not.
const EXPORT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of bodies that are arriving or wait for their turn, on one way in.
const BODIES_BYTES_MAX: usize = 12 * 1024 * 1024;

/// Bytes of exports that are decoded at a time, on one way in: unpacked, and once more what JSON is rewritten to.
const WORK_BYTES_MAX: usize = 2 * EXPORT_BYTES_MAX;

/// The least that an export counts for: four are decoded at a time.
const WORK_BYTES_MIN: usize = WORK_BYTES_MAX / 4;

/// How long an export waits for its turn before the sender gets a retryable error.
const TURN_LIMIT: Duration = Duration::from_secs(5);

/// `Retry-After` in seconds of a retryable error.
const RETRY_AFTER_SECONDS: u16 = 1;

/// One way in, and where it leads.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    store: Arc<Store>,
    metrics: Metrics,
    /// For bodies, in bytes.
    room: Arc<Semaphore>,
    /// For decoding, in bytes.
    turns: Arc<Semaphore>,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Protobuf,
    Json,
}

/// Why an export was not taken.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("too many exports at the same time; retry in a second")]
    Busy,
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("the body is not the OTLP message of this path: {0}")]
    NotJson(ReadError),
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    #[error("no item of the export was accepted: {0}")]
    Flaw(String),
}

impl Refusal {
    /// Whether others are the reason: the same export may be sent again.
    fn is_put_off(&self) -> bool {
        matches!(self, Self::Busy | Self::Unreadable(Unreadable::NoRoom))
    }
}

impl Receiver {
    pub(crate) fn new(store: Arc<Store>, metrics: Metrics) -> Self {
        let room = Arc::new(Semaphore::new(BODIES_BYTES_MAX));
        Self { store, metrics, room, turns: Arc::new(Semaphore::new(WORK_BYTES_MAX)) }
    }

    async fn collect(&self, body: Body) -> Result<Held, Unreadable> {
        body::collect(body, &self.room).await
    }

    /// Unpacks and decodes an export and puts it into the store.
    async fn take(
        &self,
        signal: Signal,
        format: Format,
        coding: Coding,
        body: Held,
    ) -> Result<ExportReply, Refusal> {
        let unpacked_max = coding.unpacked_max(body.bytes.len());
        let turn = self.turn(format.work(unpacked_max)).await.ok_or(Refusal::Busy)?;
        let receiver = self.clone();
        let work = spawn_blocking(move || {
            // The body's room and the turn are released when the work is done, even if the request was dropped.
            let (mut turn, body) = (turn, body);
            let unpacked = coding.unpack(body.bytes.clone())?;
            let surplus = turn.num_permits().saturating_sub(format.work(unpacked.len()));
            drop(turn.split(surplus));
            receiver.decode(signal, format, &unpacked)
        });
        work.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
    }

    /// A turn for this much work; `None` when too much else is under way.
    async fn turn(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        let turn = timeout(TURN_LIMIT, Arc::clone(&self.turns).acquire_many_owned(bytes)).await;
        turn.ok()?.ok()
    }

    fn decode(&self, signal: Signal, format: Format, body: &Bytes) -> Result<ExportReply, Refusal> {
        match format {
            Format::Protobuf => self.store(signal, body, None),
            Format::Json => {
                let text = std::str::from_utf8(body).map_err(|_| Unreadable::NotUtf8)?;
                let read = json::read(signal.export(), text, EXPORT_BYTES_MAX);
                let read = read.map_err(|refused| match refused {
                    ReadError::TooLarge(_) => Unreadable::TooLarge.into(),
                    refused => Refusal::NotJson(refused),
                })?;
                self.store(signal, &read.wire, read.flaw)
            }
        }
    }

    /// `flaw` is what was wrong first in the JSON that the export was.
    fn store(
        &self,
        signal: Signal,
        wire: &[u8],
        flaw: Option<String>,
    ) -> Result<ExportReply, Refusal> {
        let refusals = match (self.store.take(signal, wire), &flaw) {
            (Err(NotTaken::Nothing(_)), Some(flaw)) => return Err(Refusal::Flaw(flaw.clone())),
            (taken, _) => taken?,
        };
        self.count_dropped(signal, refusals.count);
        let partial_success = refusals.first().map(|first| PartialSuccess {
            rejected: i64::try_from(refusals.count).unwrap_or(i64::MAX),
            error_message: flaw.unwrap_or_else(|| first.to_string()),
        });
        Ok(ExportReply { partial_success })
    }

    /// Says once in the log that exports are refused, and counts them: a broken sender repeats itself.
    fn refused(&self, reason: &dyn Display) {
        if self.store.refuse_export() == 0 {
            tracing::warn!(%reason, "refuse export; more refusals are counted in /api/status");
        } else {
            tracing::debug!(%reason, "refuse export");
        }
    }

    /// Counts what the store did not take. What leaves it later, as the oldest, was seen: that is no loss.
    fn count_dropped(&self, signal: Signal, count: u64) {
        let signal = match signal {
            Signal::Traces => signal::SPANS,
            Signal::Logs => signal::LOGS,
            // Metrics are read again soon; what was refused of them is in `/api/status`.
            Signal::Metrics => return,
        };
        self.metrics.add(&TELEMETRY_DROPPED, &[signal], count);
    }
}

impl Format {
    /// What an export of this length counts for while it is decoded.
    fn work(self, length: usize) -> usize {
        let times = match self {
            Self::Protobuf => 1,
            Self::Json => 2,
        };
        (length * times).clamp(WORK_BYTES_MIN, WORK_BYTES_MAX)
    }
}
