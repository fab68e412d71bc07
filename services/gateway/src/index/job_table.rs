//! The index itself, as plain data.

use std::collections::{BTreeMap, BTreeSet};

use contract::{JobId, JobSource, job::JobKind, state::JobState};

use super::{
    Filter, Page,
    expiring::Ended,
    overdue::{Due, Mark, OLD_MAX, Old},
};

/// Maximum number of jobs that the index keeps; the oldest are removed first.
pub(super) const JOBS_MAX: usize = 100_000;

/// Maximum number of unreadable records that are counted.
const UNREADABLE_MAX: usize = 10_000;

/// What the index knows of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) state: JobState,
    pub(super) kind: JobKind,
    /// When its record was last written; Unix nanoseconds of the broker.
    pub(super) written_ns: i128,
    pub(super) source: JobSource,
    pub(super) due: Due,
}

/// JobTable by id, which also orders them by age.
#[derive(Debug, Default)]
pub(super) struct JobTable {
    by_id: BTreeMap<JobId, Known>,
    by_state: [usize; JobState::ALL.len()],
    /// When the records of running jobs were last written.
    running: BTreeMap<JobId, i128>,
    /// Older jobs that have not ended: they can still be lost.
    old: Old,
    /// JobTable whose records cannot be read.
    unreadable: BTreeSet<JobId>,
}

impl JobTable {
    /// Adds or updates a job.
    pub(super) fn put(&mut self, job: JobId, known: Known) {
        self.count_out(self.by_id.get(&job).copied());
        self.old.remove(&job);
        self.unreadable.remove(&job);
        self.by_state[place(known.state)] += 1;
        self.by_id.insert(job, known);
        if known.state == JobState::Running {
            self.running.insert(job, known.written_ns);
        } else {
            self.running.remove(&job);
        }
        if self.by_id.len() > JOBS_MAX
            && let Some((oldest, known)) = self.by_id.pop_first()
        {
            self.running.remove(&oldest);
            self.count_out(Some(known));
            if is_due(known.state, known.due) && self.old.len() < OLD_MAX {
                self.old.insert(oldest, (known.state, known.due));
            }
        }
    }

    /// Removes a job.
    pub(super) fn remove(&mut self, job: JobId) {
        let known = self.by_id.remove(&job);
        self.running.remove(&job);
        self.count_out(known);
        self.old.remove(&job);
        self.unreadable.remove(&job);
    }

    /// Removes a job, unless it has started again since it ended.
    pub(super) fn expire(&mut self, ended: Ended) {
        let Ended { job, written_ns } = ended;
        let same = |state: JobState, since_ns: i128| state.is_terminal() && since_ns == written_ns;
        let in_index =
            self.by_id.get(&job).is_some_and(|known| same(known.state, known.written_ns));
        // For older jobs only the second is known.
        let written_s = written_ns.div_euclid(1_000_000_000);
        let is_old = self.old.get(&job).is_some_and(|(state, due)| {
            state.is_terminal() && i128::from(due.moved_s) == written_s
        });
        if in_index || is_old {
            self.remove(job);
        }
    }

    /// Marks a job's record as unreadable and removes the rest. True if it was not marked before.
    pub(super) fn put_unreadable(&mut self, job: JobId) -> bool {
        let is_known = self.unreadable.contains(&job);
        self.remove(job);
        if self.unreadable.len() < UNREADABLE_MAX {
            self.unreadable.insert(job);
        }
        !is_known
    }

    /// Number of unreadable records.
    pub(super) fn unreadable(&self) -> usize {
        self.unreadable.len()
    }

    /// The jobs that have not ended or have a [`Mark`], oldest first.
    pub(super) fn due(&self) -> impl Iterator<Item = (JobId, JobState, Due)> {
        let old = self.old.iter().map(|(job, (state, due))| (*job, *state, *due));
        let newest = self.by_id.iter().map(|(job, known)| (*job, known.state, known.due));
        old.chain(newest).filter(|(_, state, due)| is_due(*state, *due))
    }

    /// Number of jobs.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// When the records of running jobs were last written; Unix nanoseconds of the broker.
    pub(super) fn running(&self) -> impl ExactSizeIterator<Item = i128> {
        self.running.values().copied()
    }

    /// Number of jobs in `state` that are older than `job`.
    pub(super) fn older(&self, job: JobId, state: JobState) -> usize {
        let most = self.by_state[place(state)];
        self.by_id.range(..job).filter(|(_, known)| known.state == state).take(most).count()
    }

    /// Number of jobs in each state.
    pub(super) fn by_state(&self) -> impl Iterator<Item = (JobState, usize)> {
        JobState::ALL.into_iter().map(|state| (state, self.by_state[place(state)]))
    }

    /// See [`super::Index::page`].
    pub(super) fn page(&self, filter: &Filter, before: Option<JobId>, limit: usize) -> Page {
        let older = match before {
            Some(before) => self.by_id.range(..before),
            None => self.by_id.range(..),
        };
        // Stop after the last job in the wanted state: often there is none at all.
        let most = filter.state.map_or(self.len(), |state| self.by_state[place(state)]);
        let in_state = |known: &Known| filter.state.is_none_or(|wanted| wanted == known.state);
        let mut matching = older
            .rev()
            .filter(|(_, known)| in_state(known))
            .take(most)
            .filter(|(_, known)| filter.matches(known.state, known.kind, known.source))
            .map(|(job, _)| *job);
        let jobs: Vec<JobId> = matching.by_ref().take(limit).collect();
        let next = matching.next().and(jobs.last().copied());
        Page { jobs, next }
    }

    fn count_out(&mut self, known: Option<Known>) {
        if let Some(known) = known {
            self.by_state[place(known.state)] -= 1;
        }
    }
}

fn is_due(state: JobState, due: Due) -> bool {
    !state.is_terminal() || due.mark != Mark::None
}

/// The index of a state in of [`JobState::ALL`].
fn place(state: JobState) -> usize {
    JobState::ALL.iter().position(|one| *one == state).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::expiring::Expiring, *};

    fn id(ms: u64) -> JobId {
        JobId::at(Duration::from_millis(ms), [0; 10])
    }

    fn known(state: JobState) -> Known {
        known_at(state, 0, 0)
    }

    fn known_at(state: JobState, moved_s: u32, deadline_s: u32) -> Known {
        let due = Due { moved_s, deadline_s, mark: Mark::None };
        Known { state, kind: JobKind::MIXED, source: JobSource::Client, written_ns: 7, due }
    }

    fn count(jobs: &JobTable, state: JobState) -> usize {
        jobs.by_state().find(|(one, _)| *one == state).unwrap().1
    }

    #[test]
    fn pages_go_from_the_newest_to_the_oldest_without_gap_or_repeat() {
        let mut jobs = JobTable::default();
        for ms in [3, 1, 5, 2, 4] {
            jobs.put(id(ms), known(JobState::Queued));
        }
        let any = Filter::default();
        let first = jobs.page(&any, None, 2);
        assert_eq!(first, Page { jobs: vec![id(5), id(4)], next: Some(id(4)) });
        let second = jobs.page(&any, first.next, 2);
        assert_eq!(second, Page { jobs: vec![id(3), id(2)], next: Some(id(2)) });
        let last = jobs.page(&any, second.next, 2);
        assert_eq!(last, Page { jobs: vec![id(1)], next: None });
        assert_eq!(jobs.page(&any, None, 5).next, None);
    }

    #[test]
    fn a_page_of_one_state_holds_all_of_it_and_nothing_else() {
        let mut jobs = JobTable::default();
        for ms in 1..=6 {
            let state = if ms % 2 == 0 { JobState::Failed } else { JobState::Queued };
            jobs.put(id(ms), known(state));
        }
        let of = |state, kind| Filter { state: Some(state), kind, source: None };
        let failed = of(JobState::Failed, None);
        assert_eq!(jobs.page(&failed, None, 9).jobs, [id(6), id(4), id(2)]);
        let first = jobs.page(&failed, None, 2);
        assert_eq!(first, Page { jobs: vec![id(6), id(4)], next: Some(id(4)) });
        assert_eq!(jobs.page(&failed, first.next, 2), Page { jobs: vec![id(2)], next: None });
        assert_eq!(jobs.page(&of(JobState::Dead, None), None, 9).jobs, []);
        let mixed = of(JobState::Queued, Some(JobKind::MIXED));
        assert_eq!(jobs.page(&mixed, None, 9).jobs.len(), 3);
        assert_eq!(jobs.page(&of(JobState::Queued, Some(JobKind::EVENT)), None, 9).jobs, []);
    }

    #[test]
    fn a_page_of_one_source_holds_all_of_it_and_nothing_else() {
        let mut jobs = JobTable::default();
        for ms in 1..=60 {
            let source = if ms % 20 == 0 { JobSource::Client } else { JobSource::Trickle };
            jobs.put(id(ms), Known { source, ..known(JobState::Succeeded) });
        }
        let clients = Filter { source: Some(JobSource::Client), ..Filter::default() };
        let first = jobs.page(&clients, None, 2);
        assert_eq!(first, Page { jobs: vec![id(60), id(40)], next: Some(id(40)) });
        assert_eq!(jobs.page(&clients, first.next, 2).jobs, [id(20)]);
        assert_eq!(jobs.page(&Filter::default(), None, 99).jobs.len(), 60);
    }

    #[test]
    fn counts_follow_every_change_of_state() {
        let mut jobs = JobTable::default();
        jobs.put(id(1), known(JobState::Queued));
        jobs.put(id(1), known(JobState::Running));
        jobs.put(id(2), known(JobState::Running));
        assert_eq!((count(&jobs, JobState::Queued), count(&jobs, JobState::Running)), (0, 2));
        jobs.remove(id(1));
        jobs.remove(id(1));
        assert_eq!(count(&jobs, JobState::Running), 1);
        assert_eq!(jobs.running().collect::<Vec<_>>(), [7]);
        jobs.put(id(2), known(JobState::Retrying));
        assert_eq!((jobs.running().len(), jobs.older(id(3), JobState::Retrying)), (0, 1));
        assert_eq!(jobs.older(id(2), JobState::Retrying), 0, "only those before it");
    }

    #[test]
    fn a_full_index_keeps_the_oldest_jobs_that_have_not_ended() {
        let mut jobs = JobTable::default();
        for ms in 0..JOBS_MAX as u64 + 3 {
            jobs.put(id(ms + 1), known_at(JobState::Queued, 1, 2));
        }
        let oldest = |jobs: &JobTable| jobs.due().next().map(|(job, ..)| job);
        assert_eq!((oldest(&jobs), jobs.due().count()), (Some(id(1)), JOBS_MAX + 3));
        jobs.put(id(1), known(JobState::Succeeded));
        jobs.remove(id(2));
        jobs.put(id(3), known(JobState::Running));
        assert_eq!((oldest(&jobs), jobs.due().count()), (Some(id(3)), JOBS_MAX + 1));
        assert_eq!(count(&jobs, JobState::Running) + count(&jobs, JobState::Queued), JOBS_MAX);
    }

    #[test]
    fn an_ended_job_expires_a_day_later_unless_it_was_started_again() {
        const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
        let (mut jobs, mut expiring) = (JobTable::default(), Expiring::default());
        let mut write = |ms: u64, state, written_ms: i64| {
            let written_ns = i128::from(written_ms) * 1_000_000;
            let due = Due::new(None, Mark::None, written_ms / 1_000);
            jobs.put(id(ms), Known { written_ns, due, ..known(state) });
            expiring.note(id(ms), state, written_ns);
        };
        let (stays_ended, again, twice) = (1, 2, 3);
        write(stays_ended, JobState::Succeeded, 0);
        write(again, JobState::Failed, 1);
        write(twice, JobState::Dead, 2);
        write(4, JobState::Running, 4);
        write(again, JobState::Accepted, 100);
        write(twice, JobState::Accepted, 100);
        write(twice, JobState::Succeeded, 100_000);
        let mut left = |at_ms: i64| {
            while let Some(ended) = expiring.expired(at_ms) {
                jobs.expire(ended);
            }
            jobs.by_id.keys().copied().collect::<Vec<_>>()
        };
        assert_eq!(left(DAY_MS / 2), [id(1), id(2), id(3), id(4)]);
        assert_eq!(left(DAY_MS), [id(2), id(3), id(4)]);
        assert_eq!(left(DAY_MS + 99_000), [id(2), id(4)]);
        assert_eq!(left(i64::MAX), [id(2), id(4)]);
    }

    #[test]
    fn a_job_awaiting_completion_expires_unless_rewritten() {
        let (mut jobs, lost) = (JobTable::default(), id(1));
        let due = Due { moved_s: 7, deadline_s: 9, mark: Mark::PublishCompletion };
        let written_ns = 7_900_000_000;
        jobs.put(lost, Known { written_ns, due, ..known(JobState::Dead) });
        for ms in 0..JOBS_MAX as u64 {
            jobs.put(id(ms + 2), known(JobState::Succeeded));
        }
        assert_eq!(jobs.due().count(), 1);
        jobs.expire(Ended { job: lost, written_ns: 8_000_000_000 });
        assert_eq!(jobs.due().count(), 1, "written later");
        jobs.expire(Ended { job: lost, written_ns });
        assert_eq!(jobs.due().count(), 0);
    }

    #[test]
    fn an_unreadable_record_is_counted_until_it_is_readable_or_deleted() {
        let mut jobs = JobTable::default();
        jobs.put(id(1), known(JobState::Queued));
        assert!(
            jobs.put_unreadable(id(1)) && !jobs.put_unreadable(id(1)) && jobs.put_unreadable(id(2))
        );
        assert_eq!((jobs.unreadable(), jobs.len(), jobs.due().count()), (2, 0, 0));
        jobs.put(id(1), known(JobState::Queued));
        jobs.remove(id(2));
        assert_eq!((jobs.unreadable(), jobs.len()), (0, 1));
    }

    #[test]
    fn a_full_index_forgets_the_oldest() {
        let mut jobs = JobTable::default();
        for ms in 0..=JOBS_MAX as u64 {
            jobs.put(id(ms + 1), known(JobState::Succeeded));
        }
        assert_eq!(count(&jobs, JobState::Succeeded), JOBS_MAX);
        assert_eq!(jobs.page(&Filter::default(), Some(id(3)), 9).jobs, [id(2)]);
    }
}
