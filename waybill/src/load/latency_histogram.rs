//! Percentiles of durations, at a fixed cost in memory and within a thousandth of the true value.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longest duration recorded; longer ones count as this.
const LONGEST: Duration = Duration::from_hours(24);
/// Significant digits of each value.
const DIGITS: u8 = 3;

/// Recorded durations.
#[derive(Debug, Clone)]
pub(super) struct LatencyHistogram(Histogram<u64>);

/// Percentiles, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Number of durations; if 0, the other fields are 0.
    pub count: u64,
    /// Half of them are at most this.
    pub p50: f64,
    /// 95 % are at most this.
    pub p95: f64,
    /// 99 % are at most this.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        let longest = u64::try_from(LONGEST.as_micros()).unwrap_or(u64::MAX);
        Self(Histogram::new_with_max(longest, DIGITS).expect("the bounds are constants that fit"))
    }
}

impl LatencyHistogram {
    pub(super) fn record(&mut self, duration: Duration) {
        self.0.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    pub(super) fn percentiles(&self) -> Percentiles {
        let ms = |us: u64| us as f64 / 1e3;
        let at = |quantile| ms(self.0.value_at_quantile(quantile));
        let max = ms(self.0.max());
        // A bucket's upper edge may lie above the longest value in it.
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|quantile| at(quantile).min(max));
        Percentiles { count: self.0.len(), p50, p95, p99, max }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The value that `part` of the sorted values do not exceed.
    fn naive(sorted: &[u64], part: f64) -> f64 {
        let place = (part * sorted.len() as f64).ceil().max(1.0);
        let place = sorted.iter().zip(1_u32..).find(|(_, n)| f64::from(*n) >= place).unwrap();
        *place.0 as f64 / 1e3
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_values(
            mut us in proptest::collection::vec(1u64..10_000_000, 1..400)
        ) {
            let mut histogram = LatencyHistogram::default();
            for us in &us {
                histogram.record(Duration::from_micros(*us));
            }
            us.sort_unstable();
            let found = histogram.percentiles();
            prop_assert_eq!(found.count, us.len() as u64);
            let pairs = [(found.p50, 0.5), (found.p95, 0.95), (found.p99, 0.99), (found.max, 1.0)];
            for (found, part) in pairs {
                let right = naive(&us, part);
                prop_assert!((found - right).abs() <= right / 1e3 + 1e-9, "{part}: {found} for {right}");
            }
        }
    }

    #[test]
    fn an_empty_histogram_is_zero_and_too_long_durations_are_capped() {
        let mut histogram = LatencyHistogram::default();
        assert_eq!(histogram.percentiles(), Percentiles::default());
        histogram.record(Duration::MAX);
        assert!(histogram.percentiles().max >= LONGEST.as_secs_f64() * 1e3 * 0.999);
    }
}
