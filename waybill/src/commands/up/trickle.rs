//! A few small random jobs per second, so that the pages of a lab are never empty.

use std::time::Duration;

use client::{GatewayClient, JobRequest};
use contract::JobSource;
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::load::{
    mix::Mix,
    plan::{LoadItem, LoadPlan},
};

/// Most concurrent submissions; further ones are skipped.
const WAITING_MAX: usize = 32;

/// A few small random jobs per second.
#[derive(Debug)]
pub(super) struct Trickle {
    gateway: GatewayClient,
    per_second: f64,
    plan: LoadPlan,
    counts: Counts,
}

/// Counts of the submissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Accepted by the gateway.
    pub(super) submitted: u64,
    /// Refused, or the gateway was unreachable.
    pub(super) refused: u64,
    /// Skipped: too many were waiting for a response.
    pub(super) left_out: u64,
}

impl Trickle {
    /// A trickle of `per_second` jobs; 0 disables it.
    pub(super) fn new(gateway: GatewayClient, per_second: f64) -> Self {
        let plan = LoadPlan::new(rand::random(), Mix::default());
        Self { gateway, per_second, plan, counts: Counts::default() }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Submits jobs until `stop`.
    pub(super) async fn run_until(&mut self, stop: &CancellationToken) {
        if self.per_second <= 0.0 {
            return stop.cancelled().await;
        }
        let mut ticks = interval(Duration::from_secs_f64(1.0 / self.per_second));
        // A lab that was suspended for a minute does not get the jobs of that minute at once.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut waiting = JoinSet::new();
        let mut numbers = 0..;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
                Some(response) = waiting.join_next() => {
                    self.count(matches!(response, Ok(true)));
                    continue;
                }
            }
            if waiting.len() >= WAITING_MAX {
                self.counts.left_out += 1;
                continue;
            }
            let Some(request) = numbers.next().and_then(|n| self.job(n)) else { continue };
            let gateway = self.gateway.clone();
            waiting.spawn(async move { gateway.submit(&request).await.is_ok() });
        }
        while let Some(response) = waiting.try_join_next() {
            self.count(matches!(response, Ok(true)));
        }
    }

    /// Job `n`; `None` if item `n` of the plan is no job.
    fn job(&self, n: u64) -> Option<JobRequest> {
        let LoadItem::Job { mut spec, fault } = self.plan.item(n) else { return None };
        spec.name = format!("random {n:04}");
        Some(JobRequest { fault, source: JobSource::Trickle, ..JobRequest::new(json!(spec)) })
    }

    fn count(&mut self, accepted: bool) {
        if accepted {
            self.counts.submitted += 1;
        } else {
            self.counts.refused += 1;
        }
    }
}
