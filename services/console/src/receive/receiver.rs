//! Decodes exports and stores them.

use std::fmt::Display;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use contract::signals::{TELEMETRY_DROPPED, signal};
use otlp::json::{self, ReadError};
use telemetry::Metrics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::body::{self, ReceivedBody};
use super::coding::Coding;
use super::error::{ExportError, ReadBodyError};
use super::export_response::{ExportResponse, PartialSuccess};
use super::limits::{
    BODIES_BYTES_MAX, DECODING_BYTES_MAX, DECODING_BYTES_MIN, DECODING_WAIT, EXPORT_BYTES_MAX,
};
use crate::store::{ExportRejection, Signal, Store};

/// Receives exports over one protocol, with limits of its own.
#[derive(Debug, Clone)]
pub(crate) struct OtlpReceiver {
    store: Arc<Store>,
    metrics: Metrics,
    /// Permits for the bytes of bodies.
    body_memory: Arc<Semaphore>,
    /// Permits for the bytes of exports being decoded.
    decoding_memory: Arc<Semaphore>,
}

/// The encoding of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExportFormat {
    Protobuf,
    Json,
}

impl OtlpReceiver {
    pub(crate) fn new(store: Arc<Store>, metrics: Metrics) -> Self {
        Self {
            store,
            metrics,
            body_memory: Arc::new(Semaphore::new(BODIES_BYTES_MAX)),
            decoding_memory: Arc::new(Semaphore::new(DECODING_BYTES_MAX)),
        }
    }

    /// Reads a body within the limits.
    pub(super) async fn collect(&self, body: Body) -> Result<ReceivedBody, ReadBodyError> {
        body::collect(body, &self.body_memory).await
    }

    /// Decompresses, decodes and stores an export.
    pub(super) async fn take(
        &self,
        signal: Signal,
        format: ExportFormat,
        coding: Coding,
        body: ReceivedBody,
    ) -> Result<ExportResponse, ExportError> {
        let unpacked_max = coding.unpacked_max(body.bytes.len());
        let permit = self.decoding_permit(format.decoding_bytes(unpacked_max)).await;
        let permit = permit.ok_or(ExportError::Busy)?;
        let receiver = self.clone();
        let work = spawn_blocking(move || {
            // Both permits are released when the work is done, even if the request was dropped.
            let (mut permit, body) = (permit, body);
            let unpacked = coding.unpack(body.bytes.clone()).map_err(ReadBodyError::from)?;
            let surplus =
                permit.num_permits().saturating_sub(format.decoding_bytes(unpacked.len()));
            drop(permit.split(surplus));
            receiver.decode(signal, format, &unpacked)
        });
        work.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
    }

    /// A permit to decode this many bytes; `None` if too many other exports are being decoded.
    async fn decoding_permit(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        let acquire = Arc::clone(&self.decoding_memory).acquire_many_owned(bytes);
        timeout(DECODING_WAIT, acquire).await.ok()?.ok()
    }

    fn decode(
        &self,
        signal: Signal,
        format: ExportFormat,
        body: &Bytes,
    ) -> Result<ExportResponse, ExportError> {
        match format {
            ExportFormat::Protobuf => self.store(signal, body, None),
            ExportFormat::Json => {
                let text = std::str::from_utf8(body).map_err(|_| ReadBodyError::NotUtf8)?;
                let read = json::read(signal.export(), text, EXPORT_BYTES_MAX);
                let read = read.map_err(|error| match error {
                    ReadError::TooLarge(_) => ReadBodyError::TooLarge.into(),
                    error => ExportError::NotJson(error),
                })?;
                self.store(signal, &read.wire, read.flaw)
            }
        }
    }

    /// `json_flaw` is the first error in the JSON from which `wire` was made.
    fn store(
        &self,
        signal: Signal,
        wire: &[u8],
        json_flaw: Option<String>,
    ) -> Result<ExportResponse, ExportError> {
        let rejections = match (self.store.take(signal, wire), &json_flaw) {
            (Err(ExportRejection::NoValidItem(_)), Some(flaw)) => {
                return Err(ExportError::NoValidItem(flaw.clone()));
            }
            (result, _) => result?,
        };
        self.count_dropped(signal, rejections.count);
        let partial_success = rejections.first().map(|first| PartialSuccess {
            rejected: i64::try_from(rejections.count).unwrap_or(i64::MAX),
            error_message: json_flaw.unwrap_or_else(|| first.to_string()),
        });
        Ok(ExportResponse { partial_success })
    }

    /// Counts a rejected export. Only the first one is logged as a warning: a broken sender repeats its error.
    pub(super) fn count_rejected(&self, reason: &dyn Display) {
        if self.store.count_rejected_export() == 0 {
            tracing::warn!(%reason, "reject export; further rejections are only counted (/api/status)");
        } else {
            tracing::debug!(%reason, "reject export");
        }
    }

    /// Counts items that were rejected. Items that are evicted later were available, and are not counted.
    fn count_dropped(&self, signal: Signal, count: u64) {
        let signal = match signal {
            Signal::Traces => signal::SPANS,
            Signal::Logs => signal::LOGS,
            // Metrics are exported again soon; their rejections are in `/api/status`.
            Signal::Metrics => return,
        };
        self.metrics.add(&TELEMETRY_DROPPED, &[signal], count);
    }
}

impl ExportFormat {
    /// The bytes that an export of this length counts for while it is decoded.
    fn decoding_bytes(self, length: usize) -> usize {
        let copies = match self {
            Self::Protobuf => 1,
            Self::Json => 2,
        };
        (length * copies).clamp(DECODING_BYTES_MIN, DECODING_BYTES_MAX)
    }
}
