//! The axis of a chart: the position of a value, and the ticks.

use super::chart::Chart;
use super::unit::ChartUnit;

/// An axis from bottom to top.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum AxisScale {
    /// From zero to this.
    Linear(f64),
    /// From the first power of ten to the second.
    Decades(i32, i32),
}

/// Decades that an axis may span: a nanosecond to a century.
const DECADE_MIN: i32 = -9;
const DECADE_MAX: i32 = 10;

impl AxisScale {
    /// The axis for all values of the chart.
    pub(super) fn of(chart: &Chart) -> Self {
        let lines = chart.lines.iter().flat_map(|line| line.values.iter().flatten().copied());
        let values: Vec<f64> = lines.chain(chart.dots.iter().map(|dot| dot.value)).collect();
        let top = values.iter().copied().fold(0.0, f64::max);
        match chart.entry.unit {
            ChartUnit::Percent => Self::Linear(100.0),
            ChartUnit::Duration => {
                let least = values.iter().copied().filter(|value| *value > 0.0).reduce(f64::min);
                let (low, high) = (decade(least.unwrap_or(0.001)), decade(top.max(0.001)) + 1);
                Self::Decades(low.min(-3), high.max(low + 2))
            }
            ChartUnit::PerSecond | ChartUnit::Messages | ChartUnit::Seconds => {
                Self::Linear(round_up(top))
            }
        }
    }

    /// Height of a value, from 0 to 1.
    pub(super) fn share(self, value: f64) -> f64 {
        let share = match self {
            Self::Linear(top) => value / top,
            Self::Decades(low, high) => {
                let decades = f64::from(high - low);
                if value > 0.0 { (value.log10() - f64::from(low)) / decades } else { 0.0 }
            }
        };
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// The values of the grid lines.
    pub(super) fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear(top) => vec![0.0, top / 2.0, top],
            Self::Decades(low, high) => {
                // At most six grid lines for any range.
                let step = usize::try_from((high - low) / 6 + 1).unwrap_or(1);
                (low..=high).step_by(step).map(|power| 10_f64.powi(power)).collect()
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to a few decades")]
fn decade(value: f64) -> i32 {
    (value.log10().floor() as i32).clamp(DECADE_MIN, DECADE_MAX)
}

/// The next of 1, 2, 5, 10, 20, …
fn round_up(top: f64) -> f64 {
    if top <= 1.0 {
        return 1.0;
    }
    let size = 10_f64.powf(top.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * size);
    steps.into_iter().find(|step| *step >= top).unwrap_or(top)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (top, end) in
            [(0.0, 1.0), (0.3, 1.0), (1.2, 2.0), (37.0, 50.0), (100.0, 100.0), (501.0, 1_000.0)]
        {
            assert!((round_up(top) - end).abs() < 1e-9, "{top}");
        }
    }

    #[test]
    fn every_value_has_a_position_on_the_axis() {
        for scale in [AxisScale::Linear(5.0), AxisScale::Decades(-3, 1)] {
            for value in
                [f64::NEG_INFINITY, -1.0, 0.0, 1e-12, 1.0, 5.0, 1e12, f64::NAN, f64::INFINITY]
            {
                assert!((0.0..=1.0).contains(&scale.share(value)), "{scale:?} {value}");
            }
        }
        assert!((AxisScale::Decades(-3, 1).share(0.1) - 0.5).abs() < 1e-9);
        assert_eq!(AxisScale::Decades(-9, 10).ticks().len(), 5);
    }
}
