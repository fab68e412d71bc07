//! Names of spans and of their events. A name never holds an id.

use crate::operation::OperationKind;

/// PRODUCER span: a message is published to `subject`.
pub fn publish_name(subject: &str) -> String {
    format!("publish {subject}")
}

/// CONSUMER span: one attempt at a message from `subject`.
pub fn process_name(subject: &str) -> String {
    format!("process {subject}")
}

/// INTERNAL span: one operation of a job.
pub fn operation_name(kind: OperationKind) -> String {
    format!("operation {kind}")
}

/// INTERNAL span: the queue wait; starts at the broker's timestamp. Only for waits over [`QUEUED_MS_MIN`].
pub const QUEUED: &str = "queued";
/// INTERNAL span of zero length: a long operation has started, so that it is visible while it runs.
pub const STARTED: &str = "started";
/// INTERNAL span of zero length: the progress of a long operation.
pub const PROGRESS: &str = "progress";
/// INTERNAL span: the broker took long, or failed, to confirm an ack. Only over [`ACK_MS_MIN`].
pub const ACK: &str = "ack";

/// Shortest queue wait that gets a span, in milliseconds.
pub const QUEUED_MS_MIN: u64 = 5;
/// Shortest ack that gets a span, in milliseconds; a failed ack always does.
pub const ACK_MS_MIN: u64 = 10;
/// Shortest operation that gets a [`STARTED`] span, in milliseconds.
pub const STARTED_MS_MIN: u64 = 1_000;

/// Event on the ingester's span: the job is well-formed.
pub const EVENT_VALIDATED: &str = "validated";
/// Event on the ingester's span: deadline, attempts and notification are filled in.
pub const EVENT_ENRICHED: &str = "enriched";
