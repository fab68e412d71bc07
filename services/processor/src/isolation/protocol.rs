//! The messages between a worker and its child process: one JSON document per line.

use contract::operation::Operation;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest line, in bytes: the largest tile in base64, with room to spare.
pub(super) const LINE_BYTES_MAX: u64 = 64 << 20;

/// The first line to a child: its request. It runs one request and exits.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// An injected fault that the job carries, in the notation of faults.
    Fault(String),
    /// An operation.
    Operation(Operation),
}

/// A line from a child. Every reply but the first two is its last.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// Progress, 0 to 1.
    Progress(f32),
    /// A PNG in base64, to be stored; the child waits for a [`TileReply`].
    Tile(String),
    /// The operation's value.
    Value(Value),
    /// The error of the operation.
    Failed(String),
    /// The request failed, for example by a panic.
    Broken(String),
}

/// The line that answers [`Reply::Tile`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TileReply {
    /// The name of the tile in the store.
    pub(super) name: String,
}
