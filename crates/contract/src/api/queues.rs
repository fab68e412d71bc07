//! Queues and stores of the broker in the HTTP API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A stream and its consumer. A number that could not be read is absent; `error` says why.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct QueueView {
    /// The stream, and how full it is.
    #[serde(flatten)]
    pub store: StoreView,
    /// The stream's consumer; absent for the dead letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
    /// Messages not yet delivered to the consumer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u64>,
    /// Messages delivered and not yet acked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack_pending: Option<u64>,
    /// Unacked messages that were delivered more than once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redelivered: Option<u64>,
    /// Age of the oldest message, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_age_seconds: Option<f64>,
}

/// A stream or store and how full it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct StoreView {
    /// Name of the stream.
    pub stream: String,
    /// What is wrong with it or its consumer, and what to do; absent if nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Messages in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// Their size, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Size limit, in bytes; absent if only the disk limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_max: Option<u64>,
    /// Used part of the limit, 0 to 1; absent without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<f64>,
    /// What it does when full: `refuses` new messages, or `forgets` the oldest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_full: Option<WhenFull>,
}

/// What a full stream or store does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// Refuses new messages.
    Refuses,
    /// Drops the oldest messages.
    Forgets,
}

/// All queues, and the stores beside them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueueList {
    /// The streams, in the order in which a job passes them; the dead letters last.
    pub queues: Vec<QueueView>,
    /// The stores of records, results, keys, tiles and payloads.
    pub stores: Vec<StoreView>,
}
