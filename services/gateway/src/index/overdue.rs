//! Jobs that should have changed by now, according to the index. By the broker's time, to the second.

use std::{collections::BTreeMap, time::Duration};

use contract::{JobId, job::DEADLINE_SECONDS_MAX, signals::reason::LOST, state::JobState};

use super::{Index, job_table::JobTable};
use crate::reaper::{PAST_DEADLINE_ACK_WAITS, SILENT_ACK_WAITS};

/// Maximum number of unfinished jobs that are kept besides the newest ones. If there are more, the reaper misses the
/// oldest.
pub(super) const OLD_MAX: usize = 500_000;

/// When a job's record was last written, and its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// When the record was last written, Unix seconds in broker time.
    pub(super) moved_s: u32,
    /// Deadline, Unix seconds in broker time. For a job without one, the upper bound: see
    /// [`JobRecord::latest_deadline_ms`](contract::record::JobRecord::latest_deadline_ms).
    pub(super) deadline_s: u32,
    pub(super) mark: Mark,
}

/// What the reaper has to do for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    /// Cancel it if its worker is silent: it runs, and its cancel was requested.
    Cancel,
    /// Publish its completion: the reaper ended it, and failed to publish.
    PublishCompletion,
}

impl Mark {
    /// The mark of a job in `state`.
    pub(super) fn of(
        state: JobState,
        reason: &str,
        cancel_requested: bool,
        completion_published: bool,
    ) -> Self {
        match state {
            JobState::Running if cancel_requested => Self::Cancel,
            JobState::Dead if reason == LOST && !completion_published => Self::PublishCompletion,
            _ => Self::None,
        }
    }
}

/// An overdue or silent job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) job: JobId,
    /// When its record last changed; Unix seconds, broker time.
    pub(crate) moved_s: u32,
}

impl Due {
    /// For a job whose record was last written at `moved_s`, Unix seconds.
    pub(super) fn new(deadline_at_ms: Option<i64>, mark: Mark, moved_s: i64) -> Self {
        let no_deadline = moved_s.saturating_add(DEADLINE_SECONDS_MAX.into());
        let deadline_s = deadline_at_ms.map_or(no_deadline, |ms| ms.div_euclid(1_000) + 1);
        let seconds = |s: i64| u32::try_from(s.max(0)).unwrap_or(u32::MAX);
        Self { moved_s: seconds(moved_s), deadline_s: seconds(deadline_s), mark }
    }
}

/// Time limits: a job is overdue if its deadline and its last change are before them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overdue {
    deadline_limit: i64,
    moved_limit_s: i64,
    silent_seconds: i64,
}

impl Overdue {
    /// The limits at `now_ms` (broker time).
    pub(crate) fn at(now_ms: i64, ack_wait: Duration) -> Self {
        let ago = |ack_waits: u32| {
            let ms = i64::try_from((ack_wait * ack_waits).as_millis()).unwrap_or(i64::MAX);
            now_ms.saturating_sub(ms).div_euclid(1_000)
        };
        let past = ago(PAST_DEADLINE_ACK_WAITS);
        Self { deadline_limit: past, moved_limit_s: past, silent_seconds: ago(SILENT_ACK_WAITS) }
    }

    fn is_overdue(&self, state: JobState, due: Due) -> bool {
        !state.is_terminal()
            && i64::from(due.deadline_s) < self.deadline_limit
            && i64::from(due.moved_s) < self.moved_limit_s
    }

    fn is_silent(&self, state: JobState, due: Due) -> bool {
        state == JobState::Running && i64::from(due.moved_s) < self.silent_seconds
    }
}

impl Index {
    /// Jobs that have not changed for some ack waits past their deadline, oldest first.
    pub(crate) fn overdue(&self, limits: &Overdue, limit: usize) -> Vec<Seen> {
        self.select(limit, |state, due| limits.is_overdue(state, due))
    }

    /// The same, and running jobs whose worker has been silent for some ack waits.
    pub(crate) fn stuck(&self, limits: &Overdue, limit: usize) -> Vec<Seen> {
        self.select(limit, |state, due| {
            limits.is_overdue(state, due) || limits.is_silent(state, due)
        })
    }

    /// Running jobs whose cancel was requested and whose worker is silent.
    pub(crate) fn to_be_cancelled(&self, limits: &Overdue, limit: usize) -> Vec<JobId> {
        let jobs = self
            .select(limit, |state, due| due.mark == Mark::Cancel && limits.is_silent(state, due));
        jobs.into_iter().map(|seen| seen.job).collect()
    }

    /// Lost jobs whose completion may not be published.
    pub(crate) fn lost_without_completion(&self, limits: &Overdue, limit: usize) -> Vec<JobId> {
        let jobs = self.select(limit, |_, due| {
            due.mark == Mark::PublishCompletion && i64::from(due.moved_s) < limits.silent_seconds
        });
        jobs.into_iter().map(|seen| seen.job).collect()
    }

    fn select(&self, limit: usize, matches: impl Fn(JobState, Due) -> bool) -> Vec<Seen> {
        let jobs = self.jobs();
        let all = jobs.iter().flat_map(JobTable::due);
        let matching = all.filter(|(_, state, due)| matches(*state, *due));
        matching.map(|(job, _, due)| Seen { job, moved_s: due.moved_s }).take(limit).collect()
    }
}

/// Unfinished jobs that are too old for the index itself.
pub(super) type Old = BTreeMap<JobId, (JobState, Due)>;

#[cfg(test)]
mod tests {
    use super::*;

    fn due(deadline_at_ms: Option<i64>, moved_s: i64) -> Due {
        Due::new(deadline_at_ms, Mark::None, moved_s)
    }

    #[test]
    fn a_job_is_overdue_only_if_deadline_and_last_change_are_both_past() {
        let limits = Overdue::at(100_000, Duration::from_secs(10));
        for (state, deadline_ms, moved_s, is_overdue) in [
            (JobState::Queued, 60_000, 60, true),
            (JobState::Accepted, 60_000, 60, true),
            (JobState::Retrying, 60_000, 60, true),
            (JobState::Running, 60_000, 60, true),
            (JobState::Running, 60_000, 71, false),
            (JobState::Queued, 70_000, 60, false),
            (JobState::Queued, 200_000, 0, false),
            (JobState::Failed, 60_000, 60, false),
        ] {
            let due = due(Some(deadline_ms), moved_s);
            assert_eq!(
                limits.is_overdue(state, due),
                is_overdue,
                "{state} {deadline_ms} {moved_s}"
            );
        }
        let unknown = due(None, 60);
        assert_eq!(unknown.deadline_s, 60 + DEADLINE_SECONDS_MAX, "as late as a deadline can be");
        assert!(!limits.is_overdue(JobState::Queued, unknown));
        let far = due(Some(i64::MAX), i64::MAX);
        assert_eq!((far.moved_s, far.deadline_s), (u32::MAX, u32::MAX));
    }

    #[test]
    fn unpublished_lost_jobs_and_running_cancelled_jobs_are_marked_for_the_reaper() {
        for (state, reason, cancel_requested, published, mark) in [
            (JobState::Dead, LOST, false, false, Mark::PublishCompletion),
            (JobState::Dead, LOST, false, true, Mark::None),
            (JobState::Dead, "attempts_used_up", false, false, Mark::None),
            (JobState::Queued, LOST, false, false, Mark::None),
            (JobState::Running, "", true, false, Mark::Cancel),
            (JobState::Cancelled, "cancelled", true, false, Mark::None),
        ] {
            assert_eq!(
                Mark::of(state, reason, cancel_requested, published),
                mark,
                "{state} {reason}"
            );
        }
    }
}
