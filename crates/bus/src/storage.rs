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
use serde::Deserialize;

use crate::Bus;

/// How long the health page may take.
const HEALTH_LIMIT: Duration = Duration::from_millis(500);
/// How long one look at all streams may take.
const LOOK_LIMIT: Duration = Duration::from_secs(1);
/// The error codes of a broker whose streams together may take no more.
pub(crate) const STORE_FULL: [ErrorCode; 4] = [
    ErrorCode::INSUFFICIENT_RESOURCES,
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
];
/// How nats-server says that a stream could not be written.
const WRITE_ERROR: &str = "write error";
/// How systems say that there is no room: none left, or none left for this user.
const NO_ROOM: [&str; 3] = ["no space left", "quota exceeded", "not enough space"];
/// How nats-server says that JetStream is off.
const JETSTREAM_OFF: &str = "not enabled";

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

/// The broker's health page. Clones share its client.
#[derive(Clone)]
pub(crate) struct HealthPage {
    http: reqwest::Client,
    url: String,
}

#[derive(Deserialize)]
struct Health {
    status: String,
    #[serde(default)]
    error: String,
}

impl HealthPage {
    /// The page at `url`; none for an empty one.
    pub(crate) fn at(url: Option<&str>) -> anyhow::Result<Option<Self>> {
        let Some(url) = url.filter(|url| !url.is_empty()) else { return Ok(None) };
        // Never by way of a proxy: the broker is near.
        let http = reqwest::Client::builder().no_proxy().timeout(HEALTH_LIMIT).build()?;
        Ok(Some(Self { http, url: url.to_owned() }))
    }

    /// What is wrong, by the broker's own word; none when it is well or does not answer.
    pub(crate) async fn problem(&self) -> Option<StorageProblem> {
        let answer = self.http.get(&self.url).send().await.ok()?;
        let health: Health = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
        (health.status != "ok").then(|| problem_in(&health.error)).flatten()
    }
}

/// The problem that the health page's error is about; none when it is not about storing.
fn problem_in(error: &str) -> Option<StorageProblem> {
    let error = error.to_lowercase();
    if NO_ROOM.iter().any(|words| error.contains(words)) {
        return Some(StorageProblem::DiskFull);
    }
    if error.contains(JETSTREAM_OFF) {
        return Some(StorageProblem::JetStreamOff);
    }
    error.contains(WRITE_ERROR).then_some(StorageProblem::DiskFailing)
}

impl Bus {
    /// Why the broker did not do what it was asked; none when it is away, or seems well.
    ///
    /// `unanswered` says that a message was sent and not confirmed in time.
    pub async fn storage_problem(&self, unanswered: bool) -> Option<StorageProblem> {
        if self.jetstream.client().connection_state() != State::Connected {
            return None;
        }
        if let Some(page) = &self.health
            && let Some(problem) = page.problem().await
        {
            return Some(problem);
        }
        let looked = tokio::time::timeout(LOOK_LIMIT, missing(&self.jetstream)).await;
        match looked.ok()? {
            Ok(missing) if !missing.is_empty() => Some(StorageProblem::Missing(missing)),
            // With its health page the broker has just said that it can write.
            Ok(_) => (unanswered && self.health.is_none()).then_some(StorageProblem::NotStoring),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_page_tells_a_full_disk_from_one_that_fails() {
        let write =
            |cause| format!("JetStream stream '$G > TODO' write error: write /d/1.blk: {cause}");
        let cases = [
            (write("no space left on device"), Some(StorageProblem::DiskFull)),
            (write("disk quota exceeded"), Some(StorageProblem::DiskFull)),
            (write("read-only file system"), Some(StorageProblem::DiskFailing)),
            (write("input/output error"), Some(StorageProblem::DiskFailing)),
            (write("file too large"), Some(StorageProblem::DiskFailing)),
            ("jetstream not enabled".to_owned(), Some(StorageProblem::JetStreamOff)),
            ("JetStream consumer 'a' is not current".to_owned(), None),
        ];
        for (error, expected) in cases {
            assert_eq!(problem_in(&error), expected, "{error}");
        }
    }
}
