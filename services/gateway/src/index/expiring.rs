//! When the records of ended jobs expire. The broker drops them without a word: a bucket whose expiries it announces
//! takes roll-ups, by which one message could drop all records (see `bus::topology`).

use std::collections::{HashMap, VecDeque};

use contract::{JobId, state::JobState, topology::TERMINAL_AGE_MAX};

use super::jobs::JOBS_MAX;

/// How much earlier than the broker the index forgets a job, in milliseconds: an index that knows more jobs than
/// the bucket has messages takes itself for outdated.
const EARLY_MS: i64 = 5_000;

/// The ended jobs, in the order in which their records expire.
#[derive(Debug, Default)]
pub(super) struct Expiring {
    due: VecDeque<Due>,
    /// The revision at which each of them ended.
    ended: HashMap<JobId, u64>,
}

#[derive(Debug)]
struct Due {
    at_ms: i64,
    job: JobId,
    revision: u64,
}

impl Expiring {
    /// Notes a change of a record, in the order of revisions: its new state, none when it is gone, and when it was
    /// written (broker time, Unix milliseconds).
    pub(super) fn note(&mut self, job: JobId, state: Option<JobState>, revision: u64, at_ms: i64) {
        if !state.is_some_and(JobState::is_terminal) {
            self.ended.remove(&job);
            return;
        }
        let age_ms = i64::try_from(TERMINAL_AGE_MAX.as_millis()).unwrap_or(i64::MAX);
        self.ended.insert(job, revision);
        self.due.push_back(Due { at_ms: at_ms + age_ms - EARLY_MS, job, revision });
        if self.due.len() > JOBS_MAX
            && let Some(oldest) = self.due.pop_front()
        {
            // The index has forgotten it as well.
            self.is_ended(&oldest);
        }
    }

    /// A job whose record is about to expire at `now_ms` (broker time), if there is one.
    pub(super) fn expired(&mut self, now_ms: i64) -> Option<JobId> {
        while let Some(due) = self.due.pop_front_if(|due| due.at_ms <= now_ms) {
            if self.is_ended(&due) {
                return Some(due.job);
            }
        }
        None
    }

    /// Whether the job has not started again since; then nothing is known of it any more.
    fn is_ended(&mut self, due: &Due) -> bool {
        let is_ended = self.ended.get(&due.job) == Some(&due.revision);
        if is_ended {
            self.ended.remove(&due.job);
        }
        is_ended
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

    fn id(ms: u64) -> JobId {
        JobId::at(Duration::from_millis(ms), [0; 10])
    }

    #[test]
    fn an_ended_job_expires_a_day_later_unless_it_was_started_again_or_is_gone() {
        let mut expiring = Expiring::default();
        let (stays, again, twice, gone) = (id(1), id(2), id(3), id(4));
        expiring.note(stays, Some(JobState::Succeeded), 1, 0);
        expiring.note(again, Some(JobState::Failed), 2, 1);
        expiring.note(twice, Some(JobState::Dead), 3, 2);
        expiring.note(gone, Some(JobState::Cancelled), 4, 3);
        expiring.note(id(5), Some(JobState::Running), 5, 4);
        expiring.note(again, Some(JobState::Accepted), 6, 100);
        expiring.note(twice, Some(JobState::Accepted), 7, 100);
        expiring.note(twice, Some(JobState::Succeeded), 8, 100_000);
        expiring.note(gone, None, 9, 100);
        assert_eq!(expiring.expired(DAY_MS / 2), None);
        assert_eq!(expiring.expired(DAY_MS), Some(stays));
        assert_eq!(expiring.expired(DAY_MS), None);
        assert_eq!(expiring.expired(DAY_MS + 99_000), Some(twice));
        assert_eq!(expiring.expired(i64::MAX), None);
        assert!(expiring.due.is_empty() && expiring.ended.is_empty());
    }
}
