//! A few small random jobs a second, so that the pages of a lab are never empty.

use std::time::Duration;

use contract::JobSource;
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    client::Gateway,
    load::{
        mix::Mix,
        plan::{Item, Plan},
    },
    request::JobRequest,
};

/// Most jobs that wait for their answer at once; further ones are left out.
const WAITING_MAX: usize = 32;

/// A few small random jobs a second.
#[derive(Debug)]
pub(super) struct Trickle {
    gateway: Gateway,
    per_second: f64,
    plan: Plan,
    counts: Counts,
}

/// What became of the jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// The gateway took them.
    pub(super) submitted: u64,
    /// It did not, or was not there.
    pub(super) refused: u64,
    /// Not even sent: too many waited for an answer.
    pub(super) left_out: u64,
}

impl Trickle {
    /// A trickle of `per_second` jobs; 0 is none.
    pub(super) fn new(gateway: Gateway, per_second: f64) -> Self {
        let plan = Plan::new(rand::random(), Mix::default());
        Self { gateway, per_second, plan, counts: Counts::default() }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Hands jobs in until `stop`.
    pub(super) async fn run_until(&mut self, stop: &CancellationToken) {
        if self.per_second <= 0.0 {
            return stop.cancelled().await;
        }
        let mut ticks = interval(Duration::from_secs_f64(1.0 / self.per_second));
        // A lab that was held for a minute does not get a minute's jobs at once.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut waiting = JoinSet::new();
        let mut numbers = 0..;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
                Some(answer) = waiting.join_next() => {
                    self.count(matches!(answer, Ok(true)));
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
        while let Some(answer) = waiting.try_join_next() {
            self.count(matches!(answer, Ok(true)));
        }
    }

    /// Job `n`; none where the plan has something else.
    fn job(&self, n: u64) -> Option<JobRequest> {
        let Item::Job { mut spec, fault } = self.plan.item(n) else { return None };
        spec.name = format!("random {n:04}");
        Some(JobRequest { fault, source: JobSource::Trickle, ..JobRequest::new(json!(spec)) })
    }

    fn count(&mut self, taken: bool) {
        if taken {
            self.counts.submitted += 1;
        } else {
            self.counts.refused += 1;
        }
    }
}
