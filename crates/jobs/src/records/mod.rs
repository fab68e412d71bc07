//! The job records in their bucket: read, create, and compare-and-set.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    self,
    context::{PublishError, PublishErrorKind, traits::Publisher as _},
    kv,
    message::PublishMessage,
};
use contract::{
    JobId,
    record::{JobRecord, Unreadable},
    topology::{JOBS_BUCKET, TERMINAL_AGE_MAX},
};

/// Header of a bucket's messages without a value, and its value for a deleted key.
const KV_OPERATION: &str = "KV-Operation";
const KV_DELETE: &str = "DEL";
/// How long the delete marker of a record is kept, for watchers of the bucket.
const MARKER_AGE_MAX: Duration = Duration::from_mins(1);

/// The bucket of job records. Clones share it.
#[derive(Clone)]
pub struct Records {
    store: Arc<kv::Store>,
    jetstream: jetstream::Context,
}

/// A record at one revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The record.
    pub record: JobRecord,
    /// The record's revision, for the next compare-and-set.
    pub revision: u64,
    /// When it was written, in broker time; Unix nanoseconds.
    pub written_at_ns: i128,
}

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The record has another revision, or already exists.
    #[error("the record was changed by another process")]
    Conflict,
    /// The broker did not reply. The write may have happened.
    #[error("the bucket of job records cannot be reached: {0}")]
    Broker(String),
    /// The stored bytes are not a record that this version can read.
    #[error("the record of {job} cannot be read: {cause}")]
    Unreadable {
        /// Whose record.
        job: JobId,
        /// What is wrong with it.
        cause: Unreadable,
        /// The record's revision, to replace it.
        revision: u64,
    },
    /// The record would exceed its size limit. Nothing was written.
    #[error("the record of {job} would have {bytes} bytes, more than its limit of {bytes_max}")]
    TooLarge {
        /// Whose record.
        job: JobId,
        /// How large it would be.
        bytes: usize,
        /// How large it may be.
        bytes_max: usize,
    },
}

impl Records {
    pub(crate) async fn open(jetstream: &jetstream::Context) -> anyhow::Result<Self> {
        let store = jetstream.get_key_value(JOBS_BUCKET).await?;
        Ok(Self { store: Arc::new(store), jetstream: jetstream.clone() })
    }

    /// The bucket itself, to watch it.
    pub fn bucket(&self) -> &kv::Store {
        &self.store
    }

    /// The record of `job`, if it has one.
    pub async fn load(&self, job: JobId) -> Result<Option<Entry>, RecordError> {
        let entry = self
            .store
            .entry(job.to_string())
            .await
            .map_err(|error| RecordError::Broker(error.to_string()))?;
        let Some(entry) = entry.filter(|entry| entry.operation == kv::Operation::Put) else {
            return Ok(None);
        };
        let revision = entry.revision;
        let record = JobRecord::from_json(job, &entry.value)
            .map_err(|cause| RecordError::Unreadable { job, cause, revision })?;
        Ok(Some(Entry { record, revision, written_at_ns: entry.created.unix_timestamp_nanos() }))
    }

    /// Creates the record. [`RecordError::Conflict`] when there is one.
    pub async fn create(&self, record: JobRecord) -> Result<Entry, RecordError> {
        self.write(record, 0).await
    }

    /// Writes `record` if the stored one still has `revision`. Ended jobs expire after a day.
    pub async fn write(&self, record: JobRecord, revision: u64) -> Result<Entry, RecordError> {
        let value = record.to_json().map_err(|error| RecordError::Broker(error.to_string()))?;
        let (bytes, bytes_max) = (value.len(), record.bytes_max());
        if bytes > bytes_max {
            return Err(RecordError::TooLarge { job: record.id, bytes, bytes_max });
        }
        // A plain publish on the bucket's subject, because the client's own update knows no time to live.
        let subject = format!("$KV.{JOBS_BUCKET}.{}", record.id);
        let mut message =
            PublishMessage::build().payload(value.into()).expected_last_subject_sequence(revision);
        if record.state.is_terminal() {
            message = message.ttl(TERMINAL_AGE_MAX);
        }
        let revision = self.send(message, subject).await?;
        Ok(Entry { record, revision, written_at_ns: 0 })
    }

    /// Deletes the value under the key of `job`, if it still has `revision`.
    pub async fn remove(&self, job: JobId, revision: u64) -> Result<(), RecordError> {
        let message = PublishMessage::build()
            .header(KV_OPERATION, KV_DELETE)
            .expected_last_subject_sequence(revision)
            .ttl(MARKER_AGE_MAX);
        self.send(message, format!("$KV.{JOBS_BUCKET}.{job}")).await.map(drop)
    }

    async fn send(&self, message: PublishMessage, subject: String) -> Result<u64, RecordError> {
        let sent = self.jetstream.publish_message(message.outbound_message(subject)).await;
        let ack = sent.map_err(failed)?.await.map_err(failed)?;
        Ok(ack.sequence)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn failed(error: PublishError) -> RecordError {
    match error.kind() {
        PublishErrorKind::WrongLastSequence => RecordError::Conflict,
        _ => RecordError::Broker(error.to_string()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
