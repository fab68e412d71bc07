//! Recovery time: from a fault until jobs end at the previous rate again.

/// Share of the previous rate that counts as recovered.
const RECOVERED: f64 = 0.95;
/// Window in which the rate after the fault is measured, in milliseconds.
const WINDOW_MS: i64 = 3_000;
/// Window in which the rate before the fault is measured.
const BEFORE_MS: i64 = 5_000;
const STEP_MS: i64 = 100;

/// When jobs ended, in order; Unix milliseconds.
#[derive(Debug, Default)]
pub struct EndRates {
    ends_ms: Vec<i64>,
    /// Jobs submitted per second. After a fault the backlog ends faster, but that is not required.
    submit_rate: f64,
}

impl EndRates {
    /// From the end times of all jobs, in any order, and the rate at which they were submitted.
    pub fn new(mut ends_ms: Vec<i64>, submit_rate: f64) -> Self {
        ends_ms.sort_unstable();
        Self { ends_ms, submit_rate }
    }

    /// Milliseconds from the fault to the first three seconds with 95 % of the previous rate; 0 if the rate
    /// never dropped. `None` if it did not recover before the run ended.
    pub fn recovery_ms(&self, injected_ms: i64, ended_ms: i64) -> Option<i64> {
        let before = self.rate(injected_ms - BEFORE_MS, injected_ms).min(self.submit_rate);
        let enough = |at| self.rate(at, at + WINDOW_MS) >= before * RECOVERED;
        let last = self.ends_ms.last()? - WINDOW_MS;
        let mut dip = injected_ms;
        while enough(dip) {
            dip += STEP_MS;
            if dip > ended_ms + WINDOW_MS {
                return Some(0);
            }
        }
        let mut at = dip;
        while !enough(at) {
            at += STEP_MS;
            if at > last {
                return None;
            }
        }
        Some(at - injected_ms)
    }

    fn rate(&self, from_ms: i64, to_ms: i64) -> f64 {
        let index = |ms| self.ends_ms.partition_point(|end| *end < ms);
        (index(to_ms) - index(from_ms)) as f64 * 1e3 / (to_ms - from_ms) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_measured_and_a_steady_rate_recovers_at_once() {
        // Ten per second; none from 20 to 24 s, then the backlog at once.
        let steady = (0..600).map(|n| n * 100);
        let delayed = |ms: i64| if (20_000..24_000).contains(&ms) { 24_000 } else { ms };
        let no_gap = EndRates::new(steady.clone().collect(), 10.0);
        assert_eq!(no_gap.recovery_ms(20_000, 24_000), Some(0));
        let gap = EndRates::new(steady.map(delayed).collect(), 10.0);
        let took = gap.recovery_ms(20_000, 24_000).unwrap();
        assert!((1_000..=4_000).contains(&took), "{took}");
    }

    #[test]
    fn a_rate_that_never_recovers_is_reported() {
        let stops = (0..200).map(|n| n * 100).chain((20..60).map(|n| n * 1_000)).collect();
        assert_eq!(EndRates::new(stops, 10.0).recovery_ms(20_000, 20_000), None);
    }
}
