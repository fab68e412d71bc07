//! What could not be handled: shown, driven again, or dropped.
//!
//! Bodies and headers of dead letters are whatever somebody sent: they are counted and shown, never believed.

mod letter;
pub(crate) mod list;
pub(crate) mod loss_counter;
pub(crate) mod one;
pub(crate) mod redrive;
pub(crate) mod redrive_batch;
mod redrive_message;

use axum::extract::{Path, rejection::PathRejection};

use crate::error::ApiError;

/// Looks for one page or batch. Letters that were driven again leave gaps; a page may end before it is full.
const LOOKS_MAX: u64 = 2_000;
/// Looks at once.
const LOOKS_AT_ONCE: usize = 32;

/// The dead letter that the path names.
fn seq_of(path: Result<Path<String>, PathRejection>) -> Result<u64, ApiError> {
    let seq = path.ok().and_then(|Path(seq)| seq.parse::<u64>().ok()).filter(|seq| *seq > 0);
    seq.ok_or_else(|| ApiError::parameter("seq", "must be a dead letter's seq, as in the list"))
}

fn gone(seq: u64) -> ApiError {
    ApiError::not_found(format!(
        "There is no dead letter {seq}: it was driven again, dropped, or is older than seven days."
    ))
}
