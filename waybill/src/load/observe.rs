//! Observes the outcomes of accepted jobs with the gateway's job list.
//!
//! Ids sort by age, and jobs end roughly in that order. So each page starts at the oldest unfinished jobs and
//! is about as long as the number of jobs that ended since the last poll: most records on it have just ended.
//! Jobs that a page does not show, and the last few, are queried one by one.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use client::{GatewayClient, JobFilter};
use contract::{JobId, api::LIST_LIMIT_MAX};
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, sleep};

use super::ledger::Ledger;

/// Shortest poll interval while jobs are sent.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Poll interval once all are sent.
const LAST_POLL_INTERVAL: Duration = Duration::from_millis(50);
/// While jobs are sent, at least this many times the duration of a poll passes before the next.
const REST_FACTOR: u32 = 4;
/// Up to this many unfinished jobs are queried one by one; also the most in one poll.
const SINGLE_MAX: usize = 64;
/// Concurrent queries for single jobs.
const SINGLE_AT_ONCE: usize = 8;
/// Fewest jobs on a page.
const PAGE_MIN: usize = 50;
/// After this many polls in a row without an outcome, all pages are read once.
const IDLE_MAX: u32 = 8;

/// Observes the outcomes of jobs.
pub(super) struct JobObserver {
    gateway: GatewayClient,
    ledger: Arc<Ledger>,
    /// Polls in a row without an outcome.
    idle: u32,
    /// Jobs on the next page.
    page: usize,
    /// The last job that was queried alone: the next poll continues after it.
    single: Option<JobId>,
}

impl JobObserver {
    pub(super) fn new(gateway: GatewayClient, ledger: Arc<Ledger>) -> Self {
        Self { gateway, ledger, idle: 0, page: PAGE_MIN, single: None }
    }

    /// Polls forever, with long intervals: polling must not become the load.
    pub(super) async fn poll_forever(&mut self) {
        loop {
            let started_at = Instant::now();
            self.poll(&self.ledger.unfinished()).await;
            sleep(POLL_INTERVAL.max(started_at.elapsed() * REST_FACTOR)).await;
        }
    }

    /// Polls until no job is unfinished.
    pub(super) async fn until_ended(&mut self) {
        loop {
            let unfinished = self.ledger.unfinished();
            if unfinished.is_empty() {
                return;
            }
            let started_at = Instant::now();
            self.poll(&unfinished).await;
            sleep(LAST_POLL_INTERVAL.max(started_at.elapsed())).await;
        }
    }

    /// What cannot be read now is read by the next poll.
    async fn poll(&mut self, unfinished: &[JobId]) {
        if unfinished.len() <= SINGLE_MAX {
            return self.single(unfinished.to_vec()).await;
        }
        let not_shown = self.pages(unfinished).await;
        self.single(not_shown).await;
    }

    /// Reads pages from the oldest job on, as long as half of each has just ended. Returns the jobs that
    /// should have been on them and were not.
    async fn pages(&mut self, unfinished: &[JobId]) -> Vec<JobId> {
        // Otherwise old jobs that do not end would hide the younger ones.
        let is_thorough = self.idle >= IDLE_MAX;
        let (mut rest, mut ended, mut not_shown) = (unfinished, 0, Vec::new());
        while !rest.is_empty() {
            let limit = if is_thorough { LIST_LIMIT_MAX } else { self.page };
            let (wanted, younger) = rest.split_at(limit.min(rest.len()));
            let filter =
                JobFilter { limit, cursor: younger.first().copied(), ..Default::default() };
            let Ok(page) = self.gateway.jobs(&filter).await else { break };
            self.ledger.read(page.jobs.len());
            let shown: BTreeSet<JobId> = page.jobs.iter().map(|job| job.id).collect();
            let newly_ended = page.jobs.iter().filter(|job| self.ledger.seen(job)).count();
            not_shown.extend(wanted.iter().filter(|job| !shown.contains(job)));
            (rest, ended) = (younger, ended + newly_ended);
            if !is_thorough && newly_ended * 2 < limit {
                break;
            }
        }
        self.idle = if ended > 0 || is_thorough { 0 } else { self.idle + 1 };
        // About as many jobs will end until the next poll.
        self.page = (ended * 3 / 2).clamp(PAGE_MIN, LIST_LIMIT_MAX);
        not_shown
    }

    /// Queries some of these jobs, which are sorted; the next poll continues after them.
    async fn single(&mut self, mut jobs: Vec<JobId>) {
        let behind = self.single.map_or(0, |last| jobs.partition_point(|job| *job <= last));
        jobs.rotate_left(behind);
        jobs.truncate(SINGLE_MAX);
        self.single = jobs.last().copied();
        stream::iter(jobs).for_each_concurrent(SINGLE_AT_ONCE, |job| self.query(job)).await;
    }

    async fn query(&self, job: JobId) {
        self.ledger.read(1);
        match self.gateway.job(job).await {
            Ok(view) => drop(self.ledger.seen(&view)),
            Err(error) if error.status() == Some(404) => self.ledger.missing(job),
            Err(_) => {}
        }
    }
}
