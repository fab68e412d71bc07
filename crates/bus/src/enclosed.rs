//! The record that travels with a job. Who hands a job on has just written its record, so whoever takes the
//! job up need not read it first: a claim is a compare-and-set, and fails if the record has moved since.

use contract::{job::Job, state::JobState, waybill::RECORD};

use crate::{Delivery, Outgoing, headers, records::Entry};

impl Outgoing {
    /// Encloses the job's record as it stands.
    #[must_use]
    pub fn enclosing(mut self, entry: &Entry) -> Self {
        if let Ok(record) = serde_json::to_string(&entry.record) {
            self.headers.push((RECORD.to_owned(), format!("{} {record}", entry.revision)));
        }
        self
    }
}

/// The record that came with `delivery`, if it is that of a job that waits for its first run. Of a message
/// that comes again the record has most likely moved.
pub(crate) fn enclosed(delivery: &Delivery, job: &Job) -> Option<Entry> {
    if delivery.redelivered {
        return None;
    }
    let (revision, record) = headers::value(&delivery.headers, RECORD)?.split_once(' ')?;
    let (revision, record) = (revision.parse().ok()?, serde_json::from_str(record).ok()?);
    let entry = Entry { record, revision, written_at_ns: delivery.published_at_ns };
    let record = &entry.record;
    let is_its_own = (record.id, record.round) == (job.id, job.round);
    (is_its_own && record.state == JobState::Queued).then_some(entry)
}
