//! A handle on one job's record. Every change is a compare-and-set; once another worker holds the lease, changes fail.

use std::time::Duration;

use bus::Failure;
use contract::{
    record::{JobRecord, Lease, MoveForbidden, Unreadable},
    signals::reason,
};
use tokio::sync::Mutex;

use crate::records::{Entry, RecordError, Records};

/// Conflicts and unanswered writes in a row after which a change fails.
const TRIES_MAX: u32 = 8;

/// Redelivery delay of a message whose record only a newer version can read.
const NEWER_RECORD_DELAY: Duration = Duration::from_secs(10);

/// A handle that updates one job's record by compare-and-set.
pub struct RecordSession {
    records: Records,
    entry: Mutex<Entry>,
    round: u32,
    token: Option<Lease>,
}

/// Why a change did not happen.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Another worker holds the lease, or the job is in another round.
    #[error("another worker holds the lease of the job")]
    Fenced,
    /// The job's state does not allow it.
    #[error(transparent)]
    Forbidden(#[from] MoveForbidden),
    /// The record could not be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl RecordSession {
    /// Opens a record without a lease: only its state decides whether a change is allowed.
    pub fn shared(records: Records, entry: Entry) -> Self {
        Self { records, round: entry.record.round, entry: Mutex::new(entry), token: None }
    }

    /// Opens the record of a run: changes succeed only while `token` is the lease in it.
    pub fn leased(records: Records, entry: Entry, token: Lease) -> Self {
        Self { records, round: entry.record.round, entry: Mutex::new(entry), token: Some(token) }
    }

    /// The record as last read or written.
    pub async fn record(&self) -> JobRecord {
        self.entry.lock().await.record.clone()
    }

    /// The same, with its revision.
    pub async fn entry(&self) -> Entry {
        self.entry.lock().await.clone()
    }

    /// Applies `change` and writes the result, unless it changes nothing.
    ///
    /// After a conflict the record is read again: with the own lease in it `change` is applied again, otherwise the
    /// result is [`SessionError::Fenced`]. To find the own earlier write is success, so `change` must be idempotent.
    pub async fn change(
        &self,
        change: impl Fn(&mut JobRecord) -> Result<(), MoveForbidden> + Send + Sync,
    ) -> Result<JobRecord, SessionError> {
        self.apply(change, false).await
    }

    /// The same, but writes even if nothing changes, which renews the lease.
    pub async fn renew(
        &self,
        change: impl Fn(&mut JobRecord) + Send + Sync,
    ) -> Result<JobRecord, SessionError> {
        let change = |record: &mut JobRecord| {
            change(record);
            Ok(())
        };
        self.apply(change, true).await
    }

    async fn apply(
        &self,
        change: impl Fn(&mut JobRecord) -> Result<(), MoveForbidden> + Send + Sync,
        always: bool,
    ) -> Result<JobRecord, SessionError> {
        let mut entry = self.entry.lock().await;
        let mut wanted: Option<JobRecord> = None;
        let mut tries = 0;
        loop {
            // An unanswered write may have succeeded.
            if wanted.as_ref() == Some(&entry.record) {
                return Ok(entry.record.clone());
            }
            self.check_ours(&entry.record)?;
            let mut next = entry.record.clone();
            change(&mut next)?;
            if next == entry.record && !always {
                return Ok(next);
            }
            match self.records.write(next.clone(), entry.revision).await {
                Ok(written) => {
                    *entry = written;
                    return Ok(next);
                }
                Err(error) if tries >= TRIES_MAX => return Err(error.into()),
                Err(error @ (RecordError::Unreadable { .. } | RecordError::TooLarge { .. })) => {
                    return Err(error.into());
                }
                Err(RecordError::Conflict | RecordError::Broker(_)) => {}
            }
            tries += 1;
            wanted = Some(next);
            *entry = self.records.load(entry.record.id).await?.ok_or(SessionError::Fenced)?;
        }
    }

    fn check_ours(&self, record: &JobRecord) -> Result<(), SessionError> {
        let same_run = match (&self.token, &record.lease) {
            (None, _) => true,
            (Some(token), Some(lease)) => token.is_same_run(lease),
            (Some(_), None) => false,
        };
        if same_run && record.round == self.round { Ok(()) } else { Err(SessionError::Fenced) }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Fenced => Self::Fenced,
            // Only another writer can have moved the record meanwhile.
            SessionError::Forbidden(error) => Self::postpone(error),
            SessionError::Record(error) => error.into(),
        }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        match &error {
            RecordError::Unreadable { cause: Unreadable::Newer(_), .. } => Self::Postpone {
                reason: reason::RECORD_NEWER,
                cause: error.into(),
                after: NEWER_RECORD_DELAY,
            },
            // The stored record will not change: a retry would never end.
            RecordError::Unreadable { .. } => Self::reject(reason::RECORD_UNREADABLE, error),
            RecordError::TooLarge { .. } => Self::reject(reason::RECORD_TOO_LARGE, error),
            RecordError::Conflict | RecordError::Broker(_) => Self::postpone(error),
        }
    }
}

#[cfg(test)]
mod tests;
