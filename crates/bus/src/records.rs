//! The job records in their bucket: read, create, and compare-and-set.

use std::sync::Arc;

use async_nats::jetstream::{
    self,
    context::{PublishError, PublishErrorKind, traits::Publisher as _},
    kv,
    message::PublishMessage,
};
use contract::{
    JobId,
    record::JobRecord,
    topology::{JOBS_BUCKET, TERMINAL_AGE_MAX},
};

/// The bucket of job records. Clones share it.
#[derive(Clone)]
pub struct Records {
    store: Arc<kv::Store>,
    jetstream: jetstream::Context,
}

/// A record as it stood at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The record.
    pub record: JobRecord,
    /// Its revision, for the next compare-and-set.
    pub revision: u64,
    /// When it was written, in broker time; Unix nanoseconds.
    pub written_at_ns: i128,
}

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Somebody else wrote first, or a record is already there.
    #[error("the record was changed by somebody else")]
    Conflict,
    /// The broker did not say. The write may have happened.
    #[error("the record bucket cannot be reached: {0}")]
    Broker(String),
    /// The bucket holds something that is no record.
    #[error("the record of {job} cannot be read: {cause}")]
    Unreadable {
        /// Whose record.
        job: JobId,
        /// What is wrong with it.
        cause: serde_json::Error,
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
        let record = serde_json::from_slice(&entry.value)
            .map_err(|cause| RecordError::Unreadable { job, cause })?;
        Ok(Some(Entry {
            record,
            revision: entry.revision,
            written_at_ns: entry.created.unix_timestamp_nanos(),
        }))
    }

    /// Creates the record. [`RecordError::Conflict`] when there is one.
    pub async fn create(&self, record: JobRecord) -> Result<Entry, RecordError> {
        self.write(record, 0).await
    }

    /// Writes `record` if the stored one still has `revision`. Ended jobs expire after a day.
    pub async fn write(&self, record: JobRecord, revision: u64) -> Result<Entry, RecordError> {
        let value =
            serde_json::to_vec(&record).map_err(|error| RecordError::Broker(error.to_string()))?;
        // A plain publish on the bucket's subject, because the client's own update knows no time to live.
        let subject = format!("$KV.{JOBS_BUCKET}.{}", record.id);
        let mut message =
            PublishMessage::build().payload(value.into()).expected_last_subject_sequence(revision);
        if record.state.is_terminal() {
            message = message.ttl(TERMINAL_AGE_MAX);
        }
        let sent = self
            .jetstream
            .publish_message(message.outbound_message(subject))
            .await
            .map_err(failed)?;
        let ack = sent.await.map_err(failed)?;
        Ok(Entry { record, revision: ack.sequence, written_at_ns: 0 })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn failed(error: PublishError) -> RecordError {
    match error.kind() {
        PublishErrorKind::WrongLastSequence => RecordError::Conflict,
        _ => RecordError::Broker(error.to_string()),
    }
}
