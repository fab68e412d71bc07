//! Dead letters: list, show, redrive, delete.
//!
//! Headers and data of a dead letter are untrusted input: they are counted and shown, and checked before use.

mod dead_letter;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod loss_counter;
pub(crate) mod redrive;
pub(crate) mod redrive_batch;
mod redrive_message;
pub(crate) mod show;

use axum::extract::{Path, rejection::PathRejection};

use crate::error::ApiError;

/// Sequence numbers read for one page or batch. Redriven dead letters leave gaps, so a page may end before it is full.
const READS_MAX: u64 = 2_000;
/// Maximum number of concurrent reads.
const READS_CONCURRENT_MAX: usize = 32;

/// The sequence number in the path.
fn seq_of(path: Result<Path<String>, PathRejection>) -> Result<u64, ApiError> {
    let seq = path.ok().and_then(|Path(seq)| seq.parse::<u64>().ok()).filter(|seq| *seq > 0);
    seq.ok_or_else(|| {
        let must = "must be a positive integer: the `seq` shown by GET /v1/dead-letters";
        ApiError::parameter("seq", must)
    })
}

fn gone(seq: u64) -> ApiError {
    ApiError::not_found(format!(
        "There is no dead letter {seq}: it was redriven, deleted, or is older than seven days."
    ))
}
