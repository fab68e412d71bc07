//! Expiry of the records of ended jobs. The broker deletes them without an event: a bucket with delete markers must
//! allow roll-ups, by which one message could delete all records (see `nats::topology`).

use std::collections::VecDeque;

use contract::{JobId, state::JobState, topology::TERMINAL_AGE_MAX};

use super::job_table::JOBS_MAX;

/// How much earlier than the broker the index removes a job, in milliseconds: an index with more jobs than the
/// bucket has messages counts as outdated.
const EARLY_MS: i128 = 5_000;

/// The ended jobs, in the order in which their records expire.
#[derive(Debug, Default)]
pub(super) struct Expiring(VecDeque<Ended>);

/// A job that had ended when its record was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) job: JobId,
    /// Broker time, Unix nanoseconds.
    pub(super) written_ns: i128,
}

impl Expiring {
    /// Notes that the record of `job` was written in `state`, in the order of revisions.
    pub(super) fn note(&mut self, job: JobId, state: JobState, written_ns: i128) {
        if !state.is_terminal() {
            return;
        }
        self.0.push_back(Ended { job, written_ns });
        if self.0.len() > JOBS_MAX {
            // The index has removed it as well.
            self.0.pop_front();
        }
    }

    /// The next job whose record has expired at `now_ms` (broker time), unless it was written again.
    pub(super) fn expired(&mut self, now_ms: i64) -> Option<Ended> {
        let age_ms = i128::try_from(TERMINAL_AGE_MAX.as_millis()).unwrap_or(i128::MAX);
        let expires_ms = |ended: &Ended| ended.written_ns / 1_000_000 + age_ms - EARLY_MS;
        self.0.pop_front_if(|ended| expires_ms(ended) <= now_ms.into())
    }
}
