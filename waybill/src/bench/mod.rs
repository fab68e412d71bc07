//! The cost of the lab: the whole pipeline against a bare relay, with telemetry on, off, down and hanging.
//!
//! The variants take turns within one run, so that a machine that is busy for a while is busy for all of
//! them; the result is their ratios within one round. Each variant runs in a fresh lab, which is warmed up and
//! then kept at full load.

mod completions;
mod lab_run;
mod latency;
mod numbers;
mod pipeline_load;
mod relay;
mod report;
mod stage_metrics;
mod usage;
mod variant;

use std::{path::PathBuf, time::Duration};

use lab::{Ports, nats::FinderArgs};

pub(crate) use report::BenchReport;
use report::{Measurement, RoundResult};
pub(crate) use variant::Variant;

use lab_run::LabRun;
use latency::Latency;

/// The parameters of a bench.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    /// The executable that every service runs from.
    pub(crate) waybill: PathBuf,
    /// The ports of the labs, one after the other.
    pub(crate) ports: Ports,
    /// How to find nats-server.
    pub(crate) finder: FinderArgs,
    /// Measurements of each variant.
    pub(crate) rounds: u32,
    /// Unfinished jobs at any moment.
    pub(crate) in_flight: usize,
    /// Number of processors.
    pub(crate) processors: u16,
    /// Warm-up before each measurement.
    pub(crate) warm_up: Duration,
    /// Duration of each measurement.
    pub(crate) measured: Duration,
    /// Share of the full load at which latency is measured.
    pub(crate) load: f64,
}

impl Bench {
    /// Runs the bench; `progress` gets a line of text per measurement.
    ///
    /// An error if a lab does not start or fails during a measurement.
    pub(crate) async fn run(&self, progress: &dyn Fn(&str)) -> anyhow::Result<BenchReport> {
        let mut rounds = Vec::new();
        for round in 1..=self.rounds {
            rounds.push(self.round(round, progress).await?);
        }
        let full = numbers::median(rounds.iter().map(|one| one.of(Variant::On).jobs_per_second));
        let rate = full * self.load;
        let mut runs = Vec::new();
        for round in 1..=self.rounds {
            progress(&format!("latency at {rate:.0} jobs/s, {round} of {}", self.rounds));
            runs.push(LabRun::start(self, Variant::On).await?.steady(self, rate).await?);
        }
        Ok(BenchReport::new(self, rounds, Latency::of(rate, runs)))
    }

    /// Every variant once, each round beginning with another.
    async fn round(&self, round: u32, progress: &dyn Fn(&str)) -> anyhow::Result<RoundResult> {
        let mut trials = Vec::new();
        for variant in variant::order(round) {
            let trial: Measurement = LabRun::start(self, variant).await?.throughput(self).await?;
            progress(&format!(
                "round {round} of {}, {variant}: {:.0} jobs/s",
                self.rounds, trial.jobs_per_second
            ));
            trials.push(trial);
        }
        Ok(RoundResult { trials })
    }
}
