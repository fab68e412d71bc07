//! Whether the broker stores what it is sent, and if it does not, why: a full disk, JetStream off, a missing stream.
//!
//! A broker whose disk is full takes connections and answers questions; it only never confirms a message.
//! Nothing in the protocol says why. Its health page does, where a service knows the address.

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

use crate::{Bus, health_page::Look};

/// How long one look at all streams may take.
const LOOK_LIMIT: Duration = Duration::from_secs(1);
/// The error codes of a broker whose streams together may take no more.
pub(crate) const STORE_FULL: [ErrorCode; 4] = [
    ErrorCode::INSUFFICIENT_RESOURCES,
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
];
/// Why a broker that is there does not store.
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
    /// It answers questions and does not confirm messages. Without its health page nothing more is known.
    #[error("the broker answers but does not store")]
    NotStoring,
    /// These streams are missing.
    #[error("the broker has no {}", .0.join(", "))]
    Missing(Vec<&'static str>),
}

impl Bus {
    /// Why the broker did not do what it was asked; none when it is away, or seems well.
    ///
    /// `unanswered` says that a message was sent and not confirmed in time.
    pub async fn storage_problem(&self, unanswered: bool) -> Option<StorageProblem> {
        if self.jetstream.client().connection_state() != State::Connected {
            return None;
        }
        let mut just_said_well = false;
        if let Some(page) = &self.health {
            match page.look().await {
                Look::Problem(problem) => return Some(problem),
                // A copy may be older than what failed.
                look => just_said_well = look == Look::Well && page.is_live(),
            }
        }
        let looked = tokio::time::timeout(LOOK_LIMIT, missing(&self.jetstream)).await;
        match looked.ok()? {
            Ok(missing) if !missing.is_empty() => Some(StorageProblem::Missing(missing)),
            Ok(_) => (unanswered && !just_said_well).then_some(StorageProblem::NotStoring),
            Err(problem) => problem,
        }
    }
}

/// The streams of the topology that are not there. Fails when the broker does not say.
async fn missing(
    jetstream: &jetstream::Context,
) -> Result<Vec<&'static str>, Option<StorageProblem>> {
    let names = WORK_QUEUES.map(|stream| stream.name).into_iter().chain([DEAD.name]).chain(STORES);
    let looks = names.map(|name| async move {
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
    Ok(try_join_all(looks).await?.into_iter().flatten().collect())
}

/// Whether nobody at the broker takes such questions.
fn has_no_responders(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut chain = std::iter::successors(Some(error), |error| error.source());
    chain.any(|error| {
        error
            .downcast_ref::<RequestError>()
            .is_some_and(|error| error.kind() == RequestErrorKind::NoResponders)
    })
}

/// The error code of JetStream in `error` or what it came from.
pub(crate) fn error_code(error: &(dyn std::error::Error + 'static)) -> Option<ErrorCode> {
    let mut chain = std::iter::successors(Some(error), |error| error.source());
    chain.find_map(|error| {
        if let Some(error) = error.downcast_ref::<jetstream::Error>() {
            return Some(error.error_code());
        }
        // These hold it as their kind.
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

/// Whether the broker refused because a stream, or all of them together, may take no more.
pub fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    error_code(error)
        .is_some_and(|code| code == ErrorCode::STREAM_STORE_FAILED || STORE_FULL.contains(&code))
}

/// Whether the broker says that there is no such stream or consumer.
pub(crate) fn is_missing(error: &anyhow::Error) -> bool {
    let missing = [ErrorCode::STREAM_NOT_FOUND, ErrorCode::CONSUMER_NOT_FOUND];
    error_code(error.as_ref()).is_some_and(|code| missing.contains(&code))
}
