//! Rates and percentiles from counters and histograms, as Prometheus computes them.

use std::sync::Arc;

use crate::store::{Distribution, Series, SeriesValue, rise};

/// Rates and percentiles are computed over this time before each point.
pub(super) const RATE_WINDOW_MS: u64 = 30_000;

/// The increase of a counter in `(from, until]`; `None` if it has no value at the end. A decrease means a restart.
pub(super) fn increase(series: &Series, from: u64, until: u64) -> Option<f64> {
    series.at(until)?;
    let numbers = within(series, from, until).filter_map(|value| match value {
        SeriesValue::Number(number) => Some(*number),
        SeriesValue::Distribution(_) => None,
    });
    let (mut rose, mut before) = (0.0, None);
    for number in numbers {
        rose += match before {
            None => 0.0,
            Some(before) if number < before => number,
            Some(before) => number - before,
        };
        before = Some(number);
    }
    Some(rose)
}

/// The rate per second of several counters together.
pub(super) fn rate(counters: &[&Series], at: u64) -> Option<f64> {
    let from = at.saturating_sub(RATE_WINDOW_MS);
    let known = |series: &&Series| {
        // A counter younger than the window is averaged over its own age.
        let first = series.runs.first().map_or(at, |run| run.from).clamp(from, at);
        let seconds = (at - first) as f64 / 1e3;
        increase(series, from, at).map(|rose| if seconds > 0.0 { rose / seconds } else { 0.0 })
    };
    sum(counters.iter().filter_map(known))
}

/// The sum of several gauges.
pub(super) fn total(gauges: &[&Series], at: u64) -> Option<f64> {
    sum(gauges.iter().filter_map(|series| series.number_at(at)))
}

/// The largest of several gauges.
pub(super) fn largest(gauges: &[&Series], at: u64) -> Option<f64> {
    gauges.iter().filter_map(|series| series.number_at(at)).reduce(f64::max)
}

/// The observations of several histograms with the same buckets in the window before `at`.
pub(super) fn observed(histograms: &[&Series], at: u64) -> Option<(Arc<[f64]>, Distribution)> {
    let bounds = Arc::clone(&histograms.first()?.bounds);
    let mut all = Distribution { buckets: vec![0; bounds.len() + 1], ..Distribution::default() };
    for series in histograms.iter().filter(|series| *series.bounds == *bounds) {
        if series.at(at).is_none() {
            continue;
        }
        let mut before: Option<&Distribution> = None;
        for value in within(series, at.saturating_sub(RATE_WINDOW_MS), at) {
            let SeriesValue::Distribution(after) = value else { continue };
            if let Some(before) = before {
                add(&mut all, &rise(before, after));
            }
            before = Some(after);
        }
    }
    (all.count > 0).then_some((bounds, all))
}

/// The value below which this share of the observations lies, interpolated in its bucket.
pub(super) fn quantile(share: f64, bounds: &[f64], observed: &Distribution) -> Option<f64> {
    let wanted = share * observed.count as f64;
    let mut below = 0.0;
    for (index, count) in observed.buckets.iter().enumerate() {
        let within = *count as f64;
        if below + within >= wanted && within > 0.0 {
            let lower = if index == 0 { 0.0 } else { bounds[index - 1] };
            // The last bucket has no upper bound: its lower bound is used.
            let upper = bounds.get(index).copied().unwrap_or(lower);
            return Some(lower + (upper - lower) * ((wanted - below) / within).clamp(0.0, 1.0));
        }
        below += within;
    }
    None
}

/// The last value before the window, then those in it.
fn within(series: &Series, from: u64, until: u64) -> impl Iterator<Item = &SeriesValue> {
    let first = series.runs.partition_point(|run| run.from <= from).saturating_sub(1);
    let end = series.runs.partition_point(|run| run.from <= until);
    series.runs[first.min(end)..end].iter().map(|run| &run.value)
}

fn add(all: &mut Distribution, more: &Distribution) {
    all.count += more.count;
    all.sum += more.sum;
    for (all, more) in all.buckets.iter_mut().zip(&more.buckets) {
        *all += more;
    }
}

fn sum(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.fold(None, |sum, value| Some(sum.unwrap_or_default() + value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ValueRun;

    fn series(values: &[(u64, SeriesValue)], bounds: &[f64]) -> Series {
        let run = |(from, value): &(u64, SeriesValue)| ValueRun {
            from: *from,
            until: *from,
            value: value.clone(),
        };
        Series {
            service: "s".into(),
            instance: String::new(),
            name: "n".into(),
            labels: Vec::new(),
            bounds: bounds.into(),
            runs: values.iter().map(run).collect(),
            exemplars: Vec::new(),
        }
    }

    fn counter(values: &[(u64, f64)]) -> Series {
        let values: Vec<_> =
            values.iter().map(|(at, value)| (*at, SeriesValue::Number(*value))).collect();
        series(&values, &[])
    }

    #[test]
    fn a_rate_is_right_across_a_restart() {
        let steady = counter(&[(0, 0.0), (10_000, 20.0), (20_000, 40.0), (30_000, 60.0)]);
        assert_eq!(rate(&[&steady], 30_000), Some(2.0));
        let restarted = counter(&[(0, 100.0), (10_000, 130.0), (20_000, 10.0), (30_000, 30.0)]);
        assert_eq!(rate(&[&restarted], 30_000), Some(2.0));
        assert_eq!(rate(&[&steady, &restarted], 30_000), Some(4.0));
        assert_eq!(rate(&[&steady], 90_000), None, "without samples");
    }

    #[test]
    fn a_percentile_is_interpolated_in_its_bucket() {
        let value = |count, buckets: &[u64]| {
            let buckets = buckets.to_vec();
            SeriesValue::Distribution(Arc::new(Distribution { count, sum: 0.0, buckets }))
        };
        let values = [(0, value(10, &[10, 0, 0])), (30_000, value(110, &[10, 90, 10]))];
        let histogram = series(&values, &[1.0, 2.0]);
        let (bounds, seen) = observed(&[&histogram], 30_000).unwrap();
        assert_eq!((seen.count, &*seen.buckets), (100, &[0, 90, 10][..]));
        assert_eq!(quantile(0.45, &bounds, &seen), Some(1.5));
        assert_eq!(quantile(0.99, &bounds, &seen), Some(2.0), "above all bounds");
        assert_eq!(observed(&[&histogram], 90_000), None);
    }
}
