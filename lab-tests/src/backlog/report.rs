//! The report of a measurement, as text and JSON.

use std::{fmt, time::Duration};

use serde::Serialize;

use super::{Call, PartMemory};

/// Highest ratio between the durations of a call in the full and the empty lab.
const RATIO_MAX: f64 = 2.0;
/// Smaller differences than this, in milliseconds, are noise.
const NOISE_MS: f64 = 1.0;

/// Durations of a call in both labs, in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct CallCost {
    /// What was called.
    pub call: Call,
    /// Median in the empty lab.
    pub empty_median_ms: f64,
    /// Median in the full lab.
    pub full_median_ms: f64,
    /// 95th percentile in the empty lab.
    pub empty_p95_ms: f64,
    /// 95th percentile in the full lab.
    pub full_p95_ms: f64,
}

/// The result of a measurement.
#[derive(Debug, Clone, Serialize)]
pub struct BacklogReport {
    /// Jobs submitted to the full lab.
    pub jobs: usize,
    /// Jobs queued for the processor at the end.
    pub waiting: u64,
    /// Duration of the submissions.
    pub seconds: f64,
    /// Calls of each kind in each lab.
    pub samples: usize,
    /// Durations of the calls.
    pub costs: Vec<CallCost>,
    /// Memory of the parts of the full lab.
    pub memory: Vec<PartMemory>,
}

impl CallCost {
    pub(super) fn of(call: Call, empty: Vec<Duration>, full: Vec<Duration>) -> Self {
        let (empty, full) = (sorted(empty), sorted(full));
        Self {
            call,
            empty_median_ms: at(&empty, 50),
            full_median_ms: at(&full, 50),
            empty_p95_ms: at(&empty, 95),
            full_p95_ms: at(&full, 95),
        }
    }

    /// Whether the queue does not noticeably slow down this call.
    pub fn is_flat(&self) -> bool {
        self.median_is_flat() && within(self.empty_p95_ms, self.full_p95_ms)
    }

    fn median_is_flat(&self) -> bool {
        within(self.empty_median_ms, self.full_median_ms)
    }
}

fn within(empty_ms: f64, full_ms: f64) -> bool {
    full_ms <= (empty_ms * RATIO_MAX).max(empty_ms + NOISE_MS)
}

impl BacklogReport {
    /// Whether every call and every service is flat.
    pub fn is_flat(&self) -> bool {
        self.costs.iter().all(CallCost::is_flat) && self.memory.iter().all(PartMemory::is_flat)
    }

    /// The same without the 95th percentiles, which other load on the machine raises.
    pub fn is_flat_by_median(&self) -> bool {
        let memory = self.memory.iter().all(PartMemory::is_flat);
        memory && self.costs.iter().all(CallCost::median_is_flat)
    }
}

fn sorted(times: Vec<Duration>) -> Vec<f64> {
    let mut ms: Vec<f64> = times.into_iter().map(|time| time.as_secs_f64() * 1_000.0).collect();
    ms.sort_by(f64::total_cmp);
    ms
}

/// The value below which `percent` of the sorted values are.
fn at(sorted: &[f64], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}

impl fmt::Display for BacklogReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.jobs as f64 / self.seconds;
        writeln!(out, "{} jobs wait; submitted at {rate:.0}/s", self.waiting)?;
        writeln!(out, "\nms, {} samples of each call in each lab, taken in turn", self.samples)?;
        writeln!(
            out,
            "{:<12}{:>12}{:>12}{:>8}{:>12}{:>12}{:>8}",
            "call", "median", "with jobs", "ratio", "p95", "with jobs", "ratio"
        )?;
        for cost in &self.costs {
            let (median, p95) = (cost.full_median_ms, cost.full_p95_ms);
            writeln!(
                out,
                "{:<12}{:>12.2}{:>12.2}{:>8.2}{:>12.2}{:>12.2}{:>8.2}{}",
                cost.call.name(),
                cost.empty_median_ms,
                median,
                median / cost.empty_median_ms,
                cost.empty_p95_ms,
                p95,
                p95 / cost.empty_p95_ms,
                mark(cost.is_flat()),
            )?;
        }
        writeln!(out, "\nprivate memory (heap and stacks), MiB")?;
        writeln!(out, "{:<14}{:>10}{:>10}{:>10}", "part", "before", "half", "after")?;
        for part in &self.memory {
            writeln!(
                out,
                "{:<14}{:>10.1}{:>10.1}{:>10.1}{}",
                part.part,
                part.before_mib,
                part.half_mib,
                part.after_mib,
                mark(part.is_flat()),
            )?;
        }
        Ok(())
    }
}

const fn mark(is_flat: bool) -> &'static str {
    if is_flat { "" } else { "  NOT FLAT" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(empty_ms: u64, full_ms: u64) -> CallCost {
        let times = |ms| vec![Duration::from_millis(ms); 100];
        CallCost::of(Call::List, times(empty_ms), times(full_ms))
    }

    #[test]
    fn a_call_that_takes_more_than_twice_as_long_is_not_flat() {
        assert!(cost(10, 20).is_flat() && !cost(10, 21).is_flat());
        assert!(cost(0, 1).is_flat() && !cost(0, 2).is_flat());
    }

    #[test]
    fn a_few_slow_calls_raise_the_percentile_and_not_the_median() {
        let mut full = vec![Duration::from_millis(1); 90];
        full.extend([Duration::from_millis(50); 10]);
        let cost = CallCost::of(Call::Read, vec![Duration::from_millis(1); 100], full);
        assert!((cost.full_median_ms - 1.0).abs() < 1e-6 && (cost.full_p95_ms - 50.0).abs() < 1e-6);
        assert!(!cost.is_flat());
    }
}
