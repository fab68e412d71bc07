//! Limits of exports, per protocol: a flood over gRPC does not affect HTTP, and the reverse.

use std::time::Duration;

/// Largest export, compressed and uncompressed.
pub(super) const EXPORT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of bodies that are arriving or wait to be decoded.
pub(super) const BODIES_BYTES_MAX: usize = 12 * 1024 * 1024;

/// Bytes of exports that are decoded at a time: uncompressed, and for JSON the protobuf form in addition.
pub(super) const DECODING_BYTES_MAX: usize = 2 * EXPORT_BYTES_MAX;

/// The least that an export counts for: at most four are decoded at a time.
pub(super) const DECODING_BYTES_MIN: usize = DECODING_BYTES_MAX / 4;

/// How long an export waits to be decoded before the sender gets a retryable error.
pub(super) const DECODING_WAIT: Duration = Duration::from_secs(5);

/// How long the console waits for a sender, in total, until the body is complete. Exporters are on this machine or near it.
pub(super) const SENDER_WAIT: Duration = Duration::from_secs(2);

/// How long a body waits for memory that other bodies use: for one chunk, and for all chunks together.
pub(super) const CHUNK_MEMORY_WAIT: Duration = Duration::from_millis(500);
pub(super) const BODY_MEMORY_WAIT: Duration = Duration::from_secs(2);

/// Bytes of an oversized body that are read and discarded, so that the sender reads the response: most senders send the
/// whole body first, and do not see a response if the connection is closed meanwhile.
pub(super) const DISCARDED_BYTES_MAX: usize = 8 * EXPORT_BYTES_MAX;

/// `Retry-After` in seconds of a retryable error.
pub(super) const RETRY_AFTER_SECONDS: u16 = 1;
