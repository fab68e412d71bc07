//! The queues and stores at the broker, and how full they are.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A stream and who reads it. A number that is absent is not known; `error` says why.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct QueueView {
    /// The stream, and how full it is.
    #[serde(flatten)]
    pub store: StoreView,
    /// Who reads it; absent for the dead letters, which nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
    /// Messages that wait for the consumer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u64>,
    /// Messages that the consumer was given and has not acked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack_pending: Option<u64>,
    /// Unacked messages that were given more than once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redelivered: Option<u64>,
    /// Age of the oldest message, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_age_seconds: Option<f64>,
}

/// A stream or store and how full it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct StoreView {
    /// Its name at the broker.
    pub stream: String,
    /// What is wrong with it, or with who reads it, and what to do; absent when all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Messages in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// Their size, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How large it may get, in bytes; absent when only the disk limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_max: Option<u64>,
    /// The used part, 0 to 1; absent without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<f64>,
    /// What a full one does: `refuses` new messages, or `forgets` the oldest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_full: Option<WhenFull>,
}

/// What a full stream or store does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It takes nothing more.
    Refuses,
    /// It drops the oldest.
    Forgets,
}

/// All queues, and the stores beside them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueueList {
    /// The streams, in the order of a job's way; the dead letters last.
    pub queues: Vec<QueueView>,
    /// Where records, results, keys, tiles and payloads are kept.
    pub stores: Vec<StoreView>,
}
