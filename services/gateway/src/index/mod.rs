//! In-memory index of the jobs by id, state and kind, so that lists need no scan of the bucket.

mod expiring;
mod job_table;
pub(crate) mod overdue;
pub(crate) mod watch;
pub(crate) mod watchers;

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use async_nats::jetstream::stream::State;
use axum::http::StatusCode;
use contract::{JobId, JobSource, job::JobKind, state::JobState};
use job_table::JobTable;
use parking_lot::{Mutex, MutexGuard};
use runtime::admin::ReadinessCheck;
use watchers::Watchers;

use crate::error::ApiError;

/// The newest jobs.
#[derive(Default)]
pub(crate) struct Index {
    /// `None` until the bucket was read once.
    jobs: Mutex<Option<JobTable>>,
    caught_up: AtomicBool,
    /// Revision of the newest change received.
    revision: AtomicU64,
    /// Clients that follow single jobs.
    pub(crate) watchers: Watchers,
    /// The bucket holds less than the index: records were removed without an event.
    outdated: AtomicBool,
}

/// The extent of the index at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    jobs: usize,
    revision: u64,
}

/// Selects jobs; `None` matches any.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filter {
    pub(crate) state: Option<JobState>,
    pub(crate) kind: Option<JobKind>,
    pub(crate) source: Option<JobSource>,
}

/// One page of ids, newest first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) jobs: Vec<JobId>,
    /// The last job of the page, if there is another page.
    pub(crate) next: Option<JobId>,
}

impl Index {
    /// The newest `limit` jobs that match `filter` and are older than `before`.
    pub(crate) fn page(
        &self,
        filter: &Filter,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Page, ApiError> {
        match &*self.jobs() {
            Some(jobs) => Ok(jobs.page(filter, before, limit)),
            None => Err(still_reading()),
        }
    }

    /// Number of running jobs.
    pub(crate) fn running(&self) -> usize {
        self.jobs().as_ref().map_or(0, |jobs| jobs.running().len())
    }

    /// Number of running jobs whose record was written within `limit` before `now_ns` (broker time).
    pub(crate) fn renewed_within(&self, limit: Duration, now_ns: i128) -> usize {
        let since_ns = now_ns - i128::try_from(limit.as_nanos()).unwrap_or(i128::MAX);
        let jobs = self.jobs();
        jobs.as_ref().map_or(0, |jobs| jobs.running().filter(|ns| *ns >= since_ns).count())
    }

    /// Number of jobs in `state` that are older than `job`; `None` while the index is still reading.
    pub(crate) fn older(&self, job: JobId, state: JobState) -> Option<usize> {
        self.jobs().as_ref().map(|jobs| jobs.older(job, state))
    }

    /// Readiness check: whether the index is up to date.
    pub(crate) fn check(&self) -> ReadinessCheck {
        if self.caught_up.load(Relaxed) {
            ReadinessCheck::ok("index", "knows every job")
        } else {
            ReadinessCheck::failed("index", "is reading the job records")
        }
    }

    /// The extent of the index, for [`Self::compare`]; `None` while it is still reading.
    pub(crate) fn extent(&self) -> Option<Extent> {
        let jobs = self.jobs().as_ref()?.len();
        let extent = Extent { jobs, revision: self.revision.load(Relaxed) };
        self.caught_up.load(Relaxed).then_some(extent)
    }

    /// Compares the extent of the index with the state of the bucket, read afterwards. If the bucket was emptied or
    /// recreated, which causes no event, everything is read again.
    pub(crate) fn compare(&self, indexed: Option<Extent>, bucket: &State) {
        let Some(indexed) = indexed else { return };
        // Each record is one message, and so is each delete marker.
        if (indexed.jobs as u64) > bucket.messages || indexed.revision > bucket.last_sequence {
            self.outdated.store(true, Relaxed);
        }
    }

    /// Sets whether the index is up to date.
    fn set_caught_up(&self, is: bool) {
        self.caught_up.store(is, Relaxed);
    }

    fn jobs(&self) -> MutexGuard<'_, Option<JobTable>> {
        self.jobs.lock()
    }
}

impl Filter {
    pub(crate) fn matches(&self, state: JobState, kind: JobKind, source: JobSource) -> bool {
        self.state.is_none_or(|wanted| wanted == state)
            && self.kind.is_none_or(|wanted| wanted == kind)
            && self.source.is_none_or(|wanted| wanted == source)
    }
}

fn still_reading() -> ApiError {
    let title = "The list is not ready yet";
    let detail = "The gateway has just started and is reading the job records. Try again.";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "index-not-ready", title, detail).retry_after(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_is_still_reading_cannot_be_outdated() {
        let index = Index::default();
        *index.jobs() = Some(JobTable::default());
        assert!(index.extent().is_none());
        index.revision.store(7, Relaxed);
        index.set_caught_up(true);
        let known = index.extent().unwrap();
        assert_eq!((known.jobs, known.revision), (0, 7));
    }
}
