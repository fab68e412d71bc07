//! The latency of jobs, from the moment at which they were due until their end was observed.

use std::time::Duration;

use serde::Serialize;

use super::{
    numbers::{Spread, median},
    stage_metrics::StageTime,
};

/// Jobs at a steady load, measured once.
pub(super) struct LatencySample {
    /// The latency of each job.
    pub(super) took: Vec<Duration>,
    /// The time at each stage.
    pub(super) stages: Vec<StageTime>,
}

/// Percentiles of a steady load, in milliseconds, each over all measurements.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Latency {
    /// Jobs per second.
    pub(crate) rate: f64,
    /// Number of jobs measured.
    pub(crate) jobs: usize,
    /// Median.
    pub(crate) p50_ms: Spread,
    /// 95th percentile.
    pub(crate) p95_ms: Spread,
    /// 99th percentile.
    pub(crate) p99_ms: Spread,
    /// Maximum.
    pub(crate) max_ms: Spread,
    /// Medians of the time at each stage.
    pub(crate) stages: Vec<StageTime>,
}

impl Latency {
    /// Of the measurements at `rate`, each on a fresh lab.
    pub(super) fn of(rate: f64, mut runs: Vec<LatencySample>) -> Self {
        for run in &mut runs {
            run.took.sort_unstable();
        }
        let at = |part| Spread::of(runs.iter().map(|run| percentile(&run.took, part)));
        Self {
            rate,
            jobs: runs.iter().map(|run| run.took.len()).sum(),
            p50_ms: at(50),
            p95_ms: at(95),
            p99_ms: at(99),
            max_ms: at(100),
            stages: stages(&runs),
        }
    }
}

/// The nearest rank, in milliseconds.
fn percentile(sorted: &[Duration], part: usize) -> f64 {
    let index = (sorted.len() * part).div_ceil(100).saturating_sub(1);
    sorted.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// The median of each stage, in the order of the first measurement.
fn stages(runs: &[LatencySample]) -> Vec<StageTime> {
    let first = runs.first().map(|run| run.stages.as_slice()).unwrap_or_default();
    let stages = first.iter().map(|StageTime { stage, .. }| {
        let all = || runs.iter().flat_map(|run| &run.stages).filter(|one| one.stage == *stage);
        let (wait_ms, work_ms) =
            (median(all().map(|one| one.wait_ms)), median(all().map(|one| one.work_ms)));
        StageTime { stage: *stage, wait_ms, work_ms }
    });
    stages.collect()
}

#[cfg(test)]
mod tests {
    use contract::Stage;

    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank_and_each_has_its_spread_over_the_measurements() {
        let run = |last, work_ms| LatencySample {
            took: (1..=last).rev().map(Duration::from_millis).collect(),
            stages: vec![StageTime { stage: Stage::Ingester, wait_ms: 1.0, work_ms }],
        };
        let latency = Latency::of(10.0, vec![run(200, 5.0), run(100, 3.0), run(400, 4.0)]);
        let seen = [latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.max_ms];
        let shown = seen.map(|ms| format!("{:.0} {:.0} {:.0}", ms.median, ms.min, ms.max));
        assert_eq!(shown, ["100 50 200", "190 95 380", "198 99 396", "200 100 400"]);
        assert_eq!((latency.jobs, latency.stages.len()), (700, 1));
        assert_eq!(latency.stages[0].work_ms.to_string(), "4");
    }
}
