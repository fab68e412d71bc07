//! Learns how the accepted jobs end, from the gateway's list.
//!
//! Ids sort by age and jobs end roughly in the order of their age. So a page is asked for that ends just
//! above the oldest unfinished jobs, and is about as long as what has ended since the last look: most records
//! on it are news. What a page does not show, and
//! what is left when there are few, is asked for one by one.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use contract::{JobId, api::LIST_LIMIT_MAX};
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, sleep};

use super::ledger::Ledger;
use crate::client::{Gateway, JobFilter};

/// Shortest time between two looks while jobs are sent.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The same once all are sent and their ends are waited for.
const LAST_LOOKS_EVERY: Duration = Duration::from_millis(50);
/// While jobs are sent, looking may take one part of the time in so many.
const REST_FACTOR: u32 = 4;
/// With so few unfinished jobs they are asked for one by one; also the most in one look.
const SINGLE_MAX: usize = 64;
/// Single jobs that are asked for at once.
const SINGLE_AT_ONCE: usize = 8;
/// Jobs on a page, at least.
const PAGE_MIN: usize = 50;
/// After so many looks in a row that saw no end, all pages are read once.
const IDLE_MAX: u32 = 8;

/// Looks how jobs fare.
pub(super) struct Observer {
    gateway: Gateway,
    ledger: Arc<Ledger>,
    /// Looks in a row that saw no end.
    idle: u32,
    /// Jobs on the next page.
    page: usize,
    /// The last job that was asked for alone: the next look goes on behind it.
    single: Option<JobId>,
}

impl Observer {
    pub(super) fn new(gateway: Gateway, ledger: Arc<Ledger>) -> Self {
        Self { gateway, ledger, idle: 0, page: PAGE_MIN, single: None }
    }

    /// Looks again and again, with long pauses: looking must not be the load.
    pub(super) async fn keep(&mut self) {
        loop {
            let began = Instant::now();
            self.look(&self.ledger.unfinished()).await;
            sleep(LOOK_EVERY.max(began.elapsed() * REST_FACTOR)).await;
        }
    }

    /// Looks until no job is unfinished.
    pub(super) async fn until_ended(&mut self) {
        loop {
            let unfinished = self.ledger.unfinished();
            if unfinished.is_empty() {
                return;
            }
            let began = Instant::now();
            self.look(&unfinished).await;
            sleep(LAST_LOOKS_EVERY.max(began.elapsed())).await;
        }
    }

    /// What cannot be read now is looked for again in the next look.
    async fn look(&mut self, unfinished: &[JobId]) {
        if unfinished.len() <= SINGLE_MAX {
            return self.single(unfinished.to_vec()).await;
        }
        let not_shown = self.pages(unfinished).await;
        self.single(not_shown).await;
    }

    /// Reads pages from the oldest on, as long as they are full of news. Answers the jobs that should
    /// have been on them and were not.
    async fn pages(&mut self, unfinished: &[JobId]) -> Vec<JobId> {
        // Old jobs that do not end would hide the younger ones.
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
            let news = page.jobs.iter().filter(|job| self.ledger.seen(job)).count();
            not_shown.extend(wanted.iter().filter(|job| !shown.contains(job)));
            (rest, ended) = (younger, ended + news);
            if !is_thorough && news * 2 < limit {
                break;
            }
        }
        self.idle = if ended > 0 || is_thorough { 0 } else { self.idle + 1 };
        // What ended between two looks is about what will end until the next one.
        self.page = (ended * 3 / 2).clamp(PAGE_MIN, LIST_LIMIT_MAX);
        not_shown
    }

    /// Asks for some of these jobs, which are in order; the next look goes on behind them.
    async fn single(&mut self, mut jobs: Vec<JobId>) {
        let behind = self.single.map_or(0, |last| jobs.partition_point(|job| *job <= last));
        jobs.rotate_left(behind);
        jobs.truncate(SINGLE_MAX);
        self.single = jobs.last().copied();
        stream::iter(jobs).for_each_concurrent(SINGLE_AT_ONCE, |job| self.ask(job)).await;
    }

    async fn ask(&self, job: JobId) {
        self.ledger.read(1);
        match self.gateway.job(job).await {
            Ok(view) => drop(self.ledger.seen(&view)),
            Err(error) if error.status() == Some(404) => self.ledger.missing(job),
            Err(_) => {}
        }
    }
}
