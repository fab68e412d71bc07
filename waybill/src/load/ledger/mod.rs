//! The ledger of a run: every accepted job stays in it until its end is observed.

mod tally;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contract::{JobId, api::JobView};
use tally::Tally;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout},
};

use super::{
    LoadRun,
    report::{LoadProgress, LoadReport},
};

/// The class of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemClass {
    Job,
    Malformed,
    Foreign,
}

/// The ledger of a run.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Permits for jobs that have not ended.
    permits: Semaphore,
    started_at: Instant,
    tally: Mutex<Tally>,
}

impl Ledger {
    pub(super) fn new(unfinished_max: usize) -> Self {
        Self {
            permits: Semaphore::new(unfinished_max),
            started_at: Instant::now(),
            tally: Mutex::default(),
        }
    }

    /// A permit for one more job; `None` if none is free within `limit`.
    pub(super) async fn permit(&self, limit: Duration) -> Option<SemaphorePermit<'_>> {
        timeout(limit, self.permits.acquire()).await.ok()?.ok()
    }

    pub(super) fn sent(&self, class: ItemClass) {
        self.tally().of(class).sent += 1;
    }

    pub(super) fn sent_all(&self) {
        let took = self.started_at.elapsed();
        self.tally().sent_all = Some(took);
    }

    pub(super) fn left_out(&self, count: u64) {
        self.tally().left_out += count;
    }

    pub(super) fn repeated(&self) {
        self.tally().repeated += 1;
    }

    pub(super) fn refused(&self, class: ItemClass, status: u16) {
        let mut tally = self.tally();
        tally.of(class).refused += 1;
        *tally.refused.entry(status).or_default() += 1;
    }

    /// Records an accepted job; its permit is held until it ends.
    pub(super) fn accepted(&self, job: JobId, took: Duration, permit: Option<SemaphorePermit<'_>>) {
        let mut tally = self.tally();
        tally.of(ItemClass::Job).accepted += 1;
        tally.accept.record(took);
        if !tally.unfinished.insert(job) {
            tally.repeated_ids += 1;
        } else if let Some(permit) = permit {
            permit.forget();
        }
    }

    /// Records an accepted event with its trace.
    pub(super) fn event_accepted(&self, class: ItemClass, trace_id: String) {
        let mut tally = self.tally();
        tally.of(class).accepted += 1;
        if class == ItemClass::Malformed {
            tally.malformed.insert(trace_id);
        }
    }

    /// Jobs whose end was not observed yet, oldest first.
    pub(super) fn unfinished(&self) -> Vec<JobId> {
        self.tally().unfinished.iter().copied().collect()
    }

    /// Records the state of a job; returns whether its end was observed for the first time.
    pub(super) fn seen(&self, job: &JobView) -> bool {
        let mut tally = self.tally();
        tally.missing.remove(&job.id);
        let Some(outcome) = job.state.outcome() else { return false };
        if !tally.unfinished.remove(&job.id) {
            return false;
        }
        tally.ended(job, outcome);
        self.permits.add_permits(1);
        true
    }

    /// Counts records that the gateway read for the observer.
    pub(super) fn read(&self, records: usize) {
        self.tally().records_read += records as u64;
    }

    /// Records that the gateway does not know this job.
    pub(super) fn missing(&self, job: JobId) {
        self.tally().missing.insert(job);
    }

    /// Records that the dead letter of this trace was found.
    pub(super) fn rejected(&self, trace_id: &str) {
        self.tally().malformed.remove(trace_id);
    }

    /// Malformed events not found in the dead letters yet, and accepted foreign events.
    pub(super) fn events(&self) -> (usize, u64) {
        let mut tally = self.tally();
        (tally.malformed.len(), tally.of(ItemClass::Foreign).accepted)
    }

    pub(super) fn progress(&self, elapsed: Duration) -> LoadProgress {
        self.tally().progress(elapsed)
    }

    /// The final report; `discarded` is the ingester's count of foreign events.
    pub(super) fn report(
        &self,
        load: &LoadRun,
        broken_off: bool,
        discarded: Option<u64>,
    ) -> LoadReport {
        let took = self.started_at.elapsed();
        self.tally().report(load, took, broken_off, discarded)
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
