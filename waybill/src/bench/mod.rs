//! What the lab costs: the whole pipeline against the bare relay, with telemetry on, off, down and hanging.
//!
//! The variants take turns within one run, so that a machine that is busy for a while is busy for all of
//! them; what counts are their ratios within one round. A variant is a fresh lab, which is warmed up,
//! kept full for a while, and looked at from outside.

mod ended;
mod flow;
mod lab_run;
mod latency;
mod numbers;
mod relay;
mod report;
mod stage_metrics;
mod usage;
mod variant;

use std::{path::PathBuf, time::Duration};

use lab::{Ports, nats::FinderArgs};

pub(crate) use report::Report;
use report::{RoundResult, Trial};
pub(crate) use variant::Variant;

use lab_run::LabRun;
use latency::Latency;

/// What is measured, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    /// The executable that every service runs from.
    pub(crate) waybill: PathBuf,
    /// Where the labs listen, one after the other.
    pub(crate) ports: Ports,
    /// Which nats-server.
    pub(crate) finder: FinderArgs,
    /// How often every variant is measured.
    pub(crate) rounds: u32,
    /// Jobs under way at any moment.
    pub(crate) in_flight: usize,
    /// How many processors share the work.
    pub(crate) processors: u16,
    /// Not counted, at the beginning of each measurement.
    pub(crate) warm_up: Duration,
    /// Counted.
    pub(crate) measured: Duration,
    /// The part of the full load at which latency is measured.
    pub(crate) load: f64,
}

impl Bench {
    /// Runs all of it. `tell` hears what is under way.
    ///
    /// An error when a lab does not start or breaks; nothing is measured by halves.
    pub(crate) async fn run(&self, tell: &dyn Fn(&str)) -> anyhow::Result<Report> {
        let mut rounds = Vec::new();
        for round in 1..=self.rounds {
            rounds.push(self.round(round, tell).await?);
        }
        let full = numbers::median(rounds.iter().map(|one| one.of(Variant::On).jobs_per_second));
        let rate = full * self.load;
        let mut runs = Vec::new();
        for round in 1..=self.rounds {
            tell(&format!("latency at {rate:.0} jobs/s, {round} of {}", self.rounds));
            runs.push(LabRun::start(self, Variant::On).await?.steady(self, rate).await?);
        }
        Ok(Report::new(self, rounds, Latency::of(rate, runs)))
    }

    /// Every variant once, each round beginning with another.
    async fn round(&self, round: u32, tell: &dyn Fn(&str)) -> anyhow::Result<RoundResult> {
        let mut trials = Vec::new();
        for variant in variant::order(round) {
            let trial: Trial = LabRun::start(self, variant).await?.throughput(self).await?;
            tell(&format!(
                "round {round} of {}, {variant}: {:.0} jobs/s",
                self.rounds, trial.jobs_per_second
            ));
            trials.push(trial);
        }
        Ok(RoundResult { trials })
    }
}
