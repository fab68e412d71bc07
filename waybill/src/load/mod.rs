//! A load test: a repeatable stream of jobs and raw events, sent at a pace, and the outcome of each.
//!
//! - [`plan`], [`mix`]: what is sent; the same seed gives the same stream
//! - [`pace`]: when; latency counts from the scheduled moment (no coordinated omission)
//! - [`report`]: the result: sent, accepted and refused items, outcomes of the jobs, latencies
//!
//! The outcomes are read from the gateway's job list page by page, oldest unfinished job first: one or two
//! records per job, however many there are (see `observe`).

pub mod mix;
pub mod pace;
pub mod plan;
pub mod report;

mod events;
mod latency_histogram;
mod ledger;
mod observe;
mod random;
mod send;
mod send_loop;

use std::{sync::Arc, time::Duration};

use client::{AdminClient, GatewayClient};
use runtime::stop::Stop;
use tokio::time::{Instant, sleep};
use url::Url;

use ledger::Ledger;
use pace::Pace;
use plan::LoadPlan;
use report::{LoadProgress, LoadReport};

/// Most jobs and events of one run: the ledger must fit into memory.
pub const JOBS_MAX: u64 = 10_000_000;
/// Longest duration of the sending.
pub const TIME_MAX: Duration = Duration::from_hours(24);
/// Most concurrent requests; the gateway accepts 1,024 connections.
pub const IN_FLIGHT_MAX: usize = 1_000;
/// Most accepted jobs that have not ended; the gateway lists its newest 100,000.
pub const UNFINISHED_MAX: usize = 100_000;
/// Most retries of one submission.
pub const REPEATS_MAX: u32 = 20;
/// Wait for accepted jobs to end after an interruption.
const BROKEN_OFF_WAIT: Duration = Duration::from_secs(10);
/// Interval between two progress reports.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// One run.
#[derive(Debug, Clone)]
pub struct LoadRun {
    /// What is sent.
    pub plan: LoadPlan,
    /// When it is sent.
    pub pace: Pace,
    /// When the sending ends.
    pub end: LoadEnd,
    /// Resource limits.
    pub limits: LoadLimits,
}

/// When the sending ends: the limit that is reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadEnd {
    /// Number of jobs and events; at most [`JOBS_MAX`].
    pub jobs: u64,
    /// Elapsed time; at most [`TIME_MAX`].
    pub time: Duration,
}

/// Resource limits of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadLimits {
    /// Concurrent requests; at most [`IN_FLIGHT_MAX`].
    pub in_flight: usize,
    /// Accepted jobs that have not ended; at most [`UNFINISHED_MAX`]. Sending waits at this limit.
    pub unfinished: usize,
    /// Wait for accepted jobs to end after the last item was sent.
    pub wait: Duration,
    /// Retries of a submission without a definite response, under an idempotency key.
    pub repeats: u32,
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self {
            in_flight: 256,
            unfinished: UNFINISHED_MAX,
            wait: Duration::from_mins(1),
            repeats: 0,
        }
    }
}

/// The lab under load.
#[derive(Debug, Clone)]
pub struct LoadTarget {
    gateway: GatewayClient,
    ingester: Option<AdminClient>,
}

impl LoadTarget {
    /// The lab whose gateway is at `gateway`. Discarded events are counted with the metrics of the
    /// ingester's admin server, if it can be reached.
    pub fn new(gateway: &Url, ingester: Option<&Url>) -> anyhow::Result<Self> {
        let ingester = ingester.map(|url| AdminClient::at("ingester", url)).transpose()?;
        Ok(Self { gateway: GatewayClient::new(gateway)?, ingester })
    }

    pub(crate) fn of(gateway: GatewayClient, ingester: Option<AdminClient>) -> Self {
        Self { gateway, ingester }
    }
}

impl LoadRun {
    /// Sends everything, waits for the outcomes and returns the report; calls `on_progress` five times
    /// per second. The soft stop ends the sending, the hard one the waiting too. Fails if the gateway
    /// cannot be reached at the start; later errors are in the report.
    pub async fn run(
        &self,
        lab: &LoadTarget,
        stop: &Stop,
        on_progress: impl Fn(&LoadProgress),
    ) -> anyhow::Result<LoadReport> {
        let before = events::Baseline::read(lab).await?;
        let ledger = Arc::new(Ledger::new(self.limits.unfinished));
        let started_at = Instant::now();
        let watched = async {
            loop {
                on_progress(&ledger.progress(started_at.elapsed()));
                sleep(PROGRESS_INTERVAL).await;
            }
        };
        let work = self.work(lab, stop, &ledger, before);
        let discarded = tokio::select! {
            discarded = work => discarded,
            () = watched => unreachable!("it never ends"),
        };
        on_progress(&ledger.progress(started_at.elapsed()));
        Ok(ledger.report(self, stop.soft.is_cancelled(), discarded))
    }

    async fn work(
        &self,
        lab: &LoadTarget,
        stop: &Stop,
        ledger: &Arc<Ledger>,
        before: events::Baseline,
    ) -> Option<u64> {
        let mut observer = observe::JobObserver::new(lab.gateway.clone(), ledger.clone());
        let mut events = events::EventObserver::new(lab, ledger.clone(), before);
        {
            let sending = send_loop::SendLoop::new(self, lab, ledger.clone()).run(stop);
            let watching = async { tokio::join!(observer.poll_forever(), events.poll_forever()) };
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
            _ = async { tokio::join!(observer.until_ended(), events.until_accounted()) } => {}
            () = wait => {}
        }
        events.discarded().await
    }
}
