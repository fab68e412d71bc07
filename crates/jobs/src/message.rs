//! What a message says about its job.

use std::str::FromStr;

use bus::{Delivery, Failure};
use contract::{JobId, completion::CompletionEvent, dead_header, job::Job, signals::reason};

/// The job in the data of a message, unknown fields of a newer version included. Rejects data that is no job, naming
/// the wrong field.
pub fn job(delivery: &Delivery) -> Result<Job, Failure> {
    Job::from_json(delivery.data()?).map_err(|error| Failure::reject(reason::MALFORMED, error))
}

/// Id and round of the job that a message is about, as far as it can be read.
pub(crate) fn job_id(delivery: &Delivery) -> Option<(JobId, u32)> {
    if let Ok(job) = job(delivery) {
        return Some((job.id, job.round));
    }
    if let Ok(done) = delivery.json::<CompletionEvent>() {
        return Some((done.job.id, done.job.round));
    }
    let subject = delivery.event().ok()?.subject.as_deref()?;
    subject.parse().ok().map(|job| (job, 0))
}

/// The stream sequence of a message; for a redriven one that of the original message.
pub fn first_seq(delivery: &Delivery) -> u64 {
    number(delivery, dead_header::REDRIVEN_SEQ).unwrap_or(delivery.seq)
}

/// The round that a redriven raw event starts; 0 for all others.
pub fn redriven_round(delivery: &Delivery) -> u32 {
    number(delivery, dead_header::REDRIVEN_ROUND).unwrap_or(0)
}

fn number<T: FromStr>(delivery: &Delivery, header: &str) -> Option<T> {
    delivery.header(header)?.parse().ok()
}
