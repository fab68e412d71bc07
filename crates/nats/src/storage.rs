//! Why the broker does not store messages: a full disk, JetStream off, a missing stream.
//!
//! A broker whose disk is full accepts connections and requests but never acks a message, and the protocol does not say
//! why. Its health page does, if the service knows the address.

use std::time::Duration;

use async_nats::{
    connection::State,
    jetstream::{self, ErrorCode},
};
use contract::topology::{DEAD, STORES, WORK_QUEUES};
use futures_util::future::try_join_all;

use crate::{
    error_code::{error_code, has_no_responders},
    health_page::{HealthPage, HealthStatus},
};

/// Timeout for reading all streams.
const READ_TIMEOUT: Duration = Duration::from_secs(1);
/// Why a connected broker does not store messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageProblem {
    /// The broker's disk has no room.
    #[error("the broker's disk is full")]
    DiskFull,
    /// The broker's disk cannot be written for another reason.
    #[error("the broker cannot write to its disk")]
    DiskFailing,
    /// JetStream is off, which a failed disk can cause.
    #[error("JetStream is off at the broker")]
    JetStreamOff,
    /// The broker replies to requests but acks no message. Without its health page nothing more is known.
    #[error("the broker answers but does not store")]
    NotStoring,
    /// These streams are missing.
    #[error("the broker has no {}", .0.join(", "))]
    Missing(Vec<&'static str>),
}

/// Why the broker failed a request; see [`crate::Connection::storage_problem`].
pub(crate) async fn problem(
    jetstream: &jetstream::Context,
    health: Option<&HealthPage>,
    unanswered: bool,
) -> Option<StorageProblem> {
    if jetstream.client().connection_state() != State::Connected {
        return None;
    }
    let mut is_healthy_now = false;
    if let Some(page) = health {
        match page.status().await {
            HealthStatus::Problem(problem) => return Some(problem),
            // A page in a file may be older than the failure.
            status => {
                is_healthy_now = status == HealthStatus::Healthy && page.is_live();
            }
        }
    }
    let read = tokio::time::timeout(READ_TIMEOUT, missing(jetstream)).await;
    match read.ok()? {
        Ok(missing) if !missing.is_empty() => Some(StorageProblem::Missing(missing)),
        Ok(_) => (unanswered && !is_healthy_now).then_some(StorageProblem::NotStoring),
        Err(problem) => problem,
    }
}

/// Streams of the topology that do not exist. `Err(Some(JetStreamOff))` if JetStream is off, `Err(None)` on any other
/// error.
async fn missing(
    jetstream: &jetstream::Context,
) -> Result<Vec<&'static str>, Option<StorageProblem>> {
    let names = WORK_QUEUES.map(|stream| stream.name).into_iter().chain([DEAD.name]).chain(STORES);
    let reads = names.map(|name| async move {
        let Err(error) = jetstream.get_stream(name).await else { return Ok(None) };
        match error_code(&error) {
            Some(ErrorCode::STREAM_NOT_FOUND) => Ok(Some(name)),
            Some(
                ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT,
            ) => Err(Some(StorageProblem::JetStreamOff)),
            Some(_) => Err(None),
            None => Err(has_no_responders(&error).then_some(StorageProblem::JetStreamOff)),
        }
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}
