//! Why the broker does not store messages: a full disk, JetStream off, a missing stream.
//!
//! A broker whose disk is full accepts connections and requests but never acks a message, and the protocol does not say
//! why. Its health page does, if the service knows the address.

use std::time::Duration;

use async_nats::{
    connection::State,
    jetstream::{
        self, ErrorCode,
        context::{GetStreamError, GetStreamErrorKind, RequestError, RequestErrorKind},
        stream::{ConsumerError, ConsumerErrorKind},
    },
};
use contract::topology::{DEAD, STORES, WORK_QUEUES};
use futures_util::future::try_join_all;

use crate::{Bus, health_page::HealthStatus};

/// Timeout for reading all streams.
const READ_TIMEOUT: Duration = Duration::from_secs(1);
/// Error codes of a broker whose storage limit is reached.
pub(crate) const STORE_FULL: [ErrorCode; 4] = [
    ErrorCode::INSUFFICIENT_RESOURCES,
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
];
/// Why a connected broker does not store messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageProblem {
    /// Its disk has no room.
    #[error("the broker's disk is full")]
    DiskFull,
    /// Its disk cannot be written for another reason.
    #[error("the broker cannot write to its disk")]
    DiskFailing,
    /// JetStream is off, which a failed disk can cause.
    #[error("JetStream is off at the broker")]
    JetStreamOff,
    /// It replies to requests but acks no message. Without its health page nothing more is known.
    #[error("the broker answers but does not store")]
    NotStoring,
    /// These streams are missing.
    #[error("the broker has no {}", .0.join(", "))]
    Missing(Vec<&'static str>),
}

impl Bus {
    /// Why the broker failed a request; `None` if it is disconnected, or seems healthy.
    ///
    /// `unanswered` says that a message was sent and not acked in time.
    pub async fn storage_problem(&self, unanswered: bool) -> Option<StorageProblem> {
        if self.jetstream.client().connection_state() != State::Connected {
            return None;
        }
        let mut is_healthy_now = false;
        if let Some(page) = &self.health {
            match page.status().await {
                HealthStatus::Problem(problem) => return Some(problem),
                // A page in a file may be older than the failure.
                status => {
                    is_healthy_now = status == HealthStatus::Healthy && page.is_live();
                }
            }
        }
        let read = tokio::time::timeout(READ_TIMEOUT, missing(&self.jetstream)).await;
        match read.ok()? {
            Ok(missing) if !missing.is_empty() => Some(StorageProblem::Missing(missing)),
            Ok(_) => (unanswered && !is_healthy_now).then_some(StorageProblem::NotStoring),
            Err(problem) => problem,
        }
    }
}

/// The missing streams of the topology. Fails if the broker does not reply.
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

/// Whether the request had no responders, as when JetStream is off.
fn has_no_responders(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut chain = std::iter::successors(Some(error), |error| error.source());
    chain.any(|error| {
        error
            .downcast_ref::<RequestError>()
            .is_some_and(|error| error.kind() == RequestErrorKind::NoResponders)
    })
}

/// JetStream's error code in `error` or one of its sources.
pub(crate) fn error_code(error: &(dyn std::error::Error + 'static)) -> Option<ErrorCode> {
    let mut chain = std::iter::successors(Some(error), |error| error.source());
    chain.find_map(|error| {
        if let Some(error) = error.downcast_ref::<jetstream::Error>() {
            return Some(error.error_code());
        }
        // These errors hold it in their kind.
        if let Some(error) = error.downcast_ref::<GetStreamError>()
            && let GetStreamErrorKind::JetStream(error) = error.kind()
        {
            return Some(error.error_code());
        }
        match error.downcast_ref::<ConsumerError>()?.kind() {
            ConsumerErrorKind::JetStream(error) => Some(error.error_code()),
            _ => None,
        }
    })
}

/// Whether the broker refused because a stream, or its whole storage, is full.
pub fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    error_code(error)
        .is_some_and(|code| code == ErrorCode::STREAM_STORE_FAILED || STORE_FULL.contains(&code))
}

/// Whether the error says that the stream or consumer does not exist.
pub(crate) fn is_missing(error: &anyhow::Error) -> bool {
    let missing = [ErrorCode::STREAM_NOT_FOUND, ErrorCode::CONSUMER_NOT_FOUND];
    error_code(error.as_ref()).is_some_and(|code| missing.contains(&code))
}
