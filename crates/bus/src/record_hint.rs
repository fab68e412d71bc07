//! The record hint: the publisher of a job has just written its record and sends it along, so the receiver need not
//! read it. A claim is a compare-and-set, so a stale hint only makes it fail.

use contract::{job::Job, propagation::RECORD, record::JobRecord, state::JobState};

use crate::{Delivery, Outgoing, headers, records::Entry};

impl Outgoing {
    /// Adds the job's present record as a header.
    #[must_use]
    pub fn with_record_hint(mut self, entry: &Entry) -> Self {
        let json = entry.record.to_json().ok().and_then(|json| String::from_utf8(json).ok());
        if let Some(record) = json {
            self.headers.push((RECORD.to_owned(), format!("{} {record}", entry.revision)));
        }
        self
    }
}

/// The record hint of `delivery`, if it is of a job that waits for its first run. On a redelivery the record has most
/// likely moved, so its hint is ignored.
pub(crate) fn read(delivery: &Delivery, job: &Job) -> Option<Entry> {
    if delivery.redelivered {
        return None;
    }
    let (revision, record) = headers::value(&delivery.headers, RECORD)?.split_once(' ')?;
    let (revision, record) =
        (revision.parse().ok()?, JobRecord::from_json(job.id, record.as_bytes()).ok()?);
    let entry = Entry { record, revision, written_at_ns: delivery.published_at_ns };
    let record = &entry.record;
    let is_its_own = (record.id, record.round) == (job.id, job.round);
    (is_its_own && record.state == JobState::Queued).then_some(entry)
}
