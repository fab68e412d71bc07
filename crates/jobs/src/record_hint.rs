//! The record hint: the publisher of a job has just written its record and sends it along, so the receiver need not
//! read it. A claim is a compare-and-set, so a stale hint only makes it fail.

use bus::{Delivery, Outgoing};
use contract::{job::Job, propagation::RECORD, record::JobRecord, state::JobState};

use crate::records::Entry;

/// Adds the job's present record to an event about it, as a header.
#[must_use]
pub fn attach(mut event: Outgoing, entry: &Entry) -> Outgoing {
    let json = entry.record.to_json().ok().and_then(|json| String::from_utf8(json).ok());
    if let Some(record) = json {
        event.headers.push((RECORD.to_owned(), format!("{} {record}", entry.revision)));
    }
    event
}

/// The record hint of `delivery`, if it is of a job that waits for its first run. On a redelivery the record has most
/// likely moved, so its hint is ignored.
pub(crate) fn read(delivery: &Delivery, job: &Job) -> Option<Entry> {
    if delivery.redelivered {
        return None;
    }
    let (revision, record) = delivery.header(RECORD)?.split_once(' ')?;
    let (revision, record) =
        (revision.parse().ok()?, JobRecord::from_json(job.id, record.as_bytes()).ok()?);
    let entry = Entry { record, revision, written_at_ns: delivery.published_at_ns };
    let record = &entry.record;
    let is_its_own = (record.id, record.round) == (job.id, job.round);
    (is_its_own && record.state == JobState::Queued).then_some(entry)
}
