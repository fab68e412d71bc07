//! Rounds: a retry or redrive is a message of the next round, and that message begins it.
//!
//! Whoever meets the message first moves the record: the gateway that sent it, or the stage that reads it.
//! So a gateway that dies between the two leaves no job that waits for a message nobody sent.

use contract::{job::Job, record::JobRecord, state::JobState};

use crate::{
    Bus,
    records::{Entry, RecordError},
};

impl Bus {
    /// The record of `job`, moved into the job's round if that is the next one. `None` when a job of
    /// the first round has no record.
    ///
    /// A record that has expired is made anew for a later round, in the trace `trace_id` (32 hex digits).
    pub async fn enter_round(
        &self,
        job: &Job,
        trace_id: &str,
    ) -> Result<Option<Entry>, RecordError> {
        let queued_ms = self.vitals.clock.stamp_ms();
        let Some(entry) = self.records.load(job.id).await? else {
            return if job.round == 0 { Ok(None) } else { self.made_anew(job, trace_id).await };
        };
        let Some(begun) = begun(&entry.record, job.round, queued_ms) else {
            return Ok(Some(entry));
        };
        match self.records.write(begun, entry.revision).await {
            Ok(entry) => Ok(Some(entry)),
            // Somebody else began it.
            Err(RecordError::Conflict) => self.records.load(job.id).await,
            Err(error) => Err(error),
        }
    }

    async fn made_anew(&self, job: &Job, trace_id: &str) -> Result<Option<Entry>, RecordError> {
        let mut record = JobRecord::accepted(job, trace_id.to_owned());
        record.state = JobState::Queued;
        record.times.queued_ms = Some(self.vitals.clock.stamp_ms());
        match self.records.create(record).await {
            Ok(entry) => Ok(Some(entry)),
            Err(RecordError::Conflict) => self.records.load(job.id).await,
            Err(error) => Err(error),
        }
    }
}

/// The record at the start of `round`, if that is the one after its own and the record allows it.
fn begun(record: &JobRecord, round: u32, queued_ms: i64) -> Option<JobRecord> {
    let mut next = record.clone();
    let is_next = record.round.checked_add(1) == Some(round);
    (is_next && next.start_again(queued_ms).is_ok()).then_some(next)
}
