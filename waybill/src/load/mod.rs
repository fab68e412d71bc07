//! Load: a repeatable stream of jobs and raw events, sent at a pace, and what became of each of them.
//!
//! - [`plan`], [`mix`]: what is sent; the same seed gives the same stream
//! - [`pace`]: when; latency counts from the moment that was planned, so a slow gateway cannot hide
//! - [`report`]: what came of it: sent, accepted, refused, how the jobs ended, how long it took
//!
//! What became of the jobs is read from the gateway's list, the oldest unfinished first, page by page:
//! one or two records read a job, however many there are (see `observe`).

pub mod mix;
pub mod pace;
pub mod plan;
pub mod report;

mod drive;
mod events;
mod latency_histogram;
mod ledger;
mod observe;
mod random;
mod send;

use std::{sync::Arc, time::Duration};

use runtime::stop::Stop;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::client::{Admin, Gateway};
use ledger::Ledger;
use pace::Pace;
use plan::Plan;
use report::{Progress, Report};

/// Most jobs and events of one run: what is kept of each until it ended must fit into memory.
pub const JOBS_MAX: u64 = 10_000_000;
/// Longest sending.
pub const TIME_MAX: Duration = Duration::from_hours(24);
/// Most requests that wait for their answer at once; the gateway takes 1,024 connections.
pub const IN_FLIGHT_MAX: usize = 1_000;
/// Most accepted jobs that have not ended; the gateway lists its newest 100,000.
pub const UNFINISHED_MAX: usize = 100_000;
/// Most repeats of one submission.
pub const REPEATS_MAX: u32 = 20;
/// How long what was accepted may take to end after the sending was broken off.
const BROKEN_OFF_WAIT: Duration = Duration::from_secs(10);
/// Time between two looks of the one who watches the run.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// One run.
#[derive(Debug, Clone)]
pub struct Load {
    /// What is sent.
    pub plan: Plan,
    /// When.
    pub pace: Pace,
    /// How much of it.
    pub end: End,
    /// What it may take up.
    pub limits: Limits,
}

/// When the sending ends: at whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// So many jobs and events were sent; at most [`JOBS_MAX`].
    pub jobs: u64,
    /// So much time is over; at most [`TIME_MAX`].
    pub time: Duration,
}

/// What a run may take up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests that wait for their answer at once; at most [`IN_FLIGHT_MAX`].
    pub in_flight: usize,
    /// Accepted jobs that have not ended; at most [`UNFINISHED_MAX`]. With so many, sending waits.
    pub unfinished: usize,
    /// How long what was accepted may take to end after the last one was sent.
    pub wait: Duration,
    /// How often a submission without a clear answer is repeated, under an idempotency key.
    pub repeats: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 256,
            unfinished: UNFINISHED_MAX,
            wait: Duration::from_mins(1),
            repeats: 0,
        }
    }
}

/// The lab that takes the load.
#[derive(Debug, Clone)]
pub struct Target {
    gateway: Gateway,
    ingester: Option<Admin>,
}

impl Target {
    /// The lab whose gateway is at `gateway`. The ingester's admin server, if it can be reached, says how
    /// many events were discarded.
    pub fn new(gateway: &Url, ingester: Option<&Url>) -> anyhow::Result<Self> {
        let ingester = ingester.map(|url| Admin::at("ingester", url)).transpose()?;
        Ok(Self { gateway: Gateway::new(gateway)?, ingester })
    }

    pub(crate) fn of(gateway: Gateway, ingester: Option<Admin>) -> Self {
        Self { gateway, ingester }
    }
}

impl Load {
    /// Sends everything, follows it to its end and says what came of it; `told` hears five times a
    /// second how far it is. The soft stop ends the sending, the hard one the waiting too. Fails
    /// when the gateway cannot be reached at the start; whatever happens later is in the report.
    pub async fn run(
        &self,
        lab: &Target,
        stop: &Stop,
        told: impl Fn(&Progress),
    ) -> anyhow::Result<Report> {
        let before = events::Before::read(lab).await?;
        let ledger = Arc::new(Ledger::new(self.limits.unfinished));
        let began = Instant::now();
        let watched = async {
            loop {
                told(&ledger.progress(began.elapsed()));
                sleep(TELL_EVERY).await;
            }
        };
        let work = self.work(lab, stop, &ledger, before);
        let discarded = tokio::select! {
            discarded = work => discarded,
            () = watched => unreachable!("it never ends"),
        };
        told(&ledger.progress(began.elapsed()));
        Ok(ledger.report(self, stop.soft.is_cancelled(), discarded))
    }

    async fn work(
        &self,
        lab: &Target,
        stop: &Stop,
        ledger: &Arc<Ledger>,
        before: events::Before,
    ) -> Option<u64> {
        let mut observer = observe::Observer::new(lab.gateway.clone(), ledger.clone());
        let mut events = events::Watch::new(lab, ledger.clone(), before);
        {
            let sending = drive::Drive::new(self, lab, ledger.clone()).run(stop);
            let watching = async { tokio::join!(observer.keep(), events.keep()) };
            tokio::select! {
                () = sending => {}
                _ = watching => unreachable!("they never end"),
            }
        }
        ledger.sent_all();
        let wait = async {
            let broken_off = async {
                stop.soft.cancelled().await;
                sleep(BROKEN_OFF_WAIT).await;
            };
            tokio::select! {
                () = sleep(self.limits.wait) => {}
                () = broken_off => {}
                () = stop.hard.cancelled() => {}
            }
        };
        tokio::select! {
            _ = async { tokio::join!(observer.until_ended(), events.until_judged()) } => {}
            () = wait => {}
        }
        events.discarded().await
    }
}
