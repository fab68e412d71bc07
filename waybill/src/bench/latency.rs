//! How long jobs take, from the moment at which they were due to the moment at which their end was known.

use std::time::Duration;

use serde::Serialize;

use super::told::StageTime;

/// Percentiles of a steady load, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Latency {
    /// Jobs a second.
    pub(crate) rate: f64,
    /// How many were measured.
    pub(crate) jobs: usize,
    /// Half of them took at most this.
    pub(crate) p50_ms: f64,
    /// 95 of a hundred.
    pub(crate) p95_ms: f64,
    /// 99 of a hundred.
    pub(crate) p99_ms: f64,
    /// All of them.
    pub(crate) max_ms: f64,
    /// Where that time went, stage by stage.
    pub(crate) stages: Vec<StageTime>,
}

impl Latency {
    /// Of what was measured at `rate`.
    pub(super) fn of(rate: f64, mut took: Vec<Duration>, stages: Vec<StageTime>) -> Self {
        took.sort_unstable();
        let at = |part: usize| {
            let place = (took.len() * part).div_ceil(100).saturating_sub(1);
            took.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
        };
        Self {
            rate,
            jobs: took.len(),
            p50_ms: at(50),
            p95_ms: at(95),
            p99_ms: at(99),
            max_ms: at(100),
            stages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let took = (1..=200).rev().map(Duration::from_millis).collect();
        let latency = Latency::of(10.0, took, Vec::new());
        let seen = [latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.max_ms];
        assert_eq!(seen.map(|ms| format!("{ms:.0}")), ["100", "190", "198", "200"]);
    }
}
