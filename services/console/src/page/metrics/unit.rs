//! Units of charts.

/// The unit of a chart's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChartUnit {
    PerSecond,
    Messages,
    /// Seconds on a linear axis.
    Seconds,
    /// Seconds on a logarithmic axis, from milliseconds to minutes.
    Duration,
    Percent,
}

impl ChartUnit {
    /// Shown after the title.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "per second",
            Self::Messages => "messages",
            Self::Seconds | Self::Duration => "seconds",
            Self::Percent => "%",
        }
    }

    /// A value with its unit, for axis and legend.
    pub(super) fn format(self, value: f64) -> String {
        match self {
            Self::PerSecond => format!("{} /s", plain(value)),
            Self::Messages => plain(value),
            Self::Percent => format!("{} %", plain(value)),
            Self::Seconds | Self::Duration => seconds(value),
        }
    }
}

/// Up to three digits, without trailing zeros.
fn plain(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        size if size < 0.1 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

/// `840 µs`, `12 ms`, `4.2 s`, `3 min`.
fn seconds(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 0.001 => format!("{} µs", plain(value * 1e6)),
        size if size < 1.0 => format!("{} ms", plain(value * 1e3)),
        size if size < 120.0 => format!("{} s", plain(value)),
        size if size < 7_200.0 => format!("{} min", plain(value / 60.0)),
        _ => format!("{} h", plain(value / 3_600.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_short_and_with_their_unit() {
        for (unit, value, expected) in [
            (ChartUnit::PerSecond, 1.96, "1.96 /s"),
            (ChartUnit::PerSecond, 0.0, "0 /s"),
            (ChartUnit::Messages, 12_345.0, "12345"),
            (ChartUnit::Percent, 12.5, "12.5 %"),
            (ChartUnit::Duration, 0.000_84, "840 µs"),
            (ChartUnit::Duration, 0.0121, "12.1 ms"),
            (ChartUnit::Seconds, 4.0, "4 s"),
            (ChartUnit::Seconds, 300.0, "5 min"),
        ] {
            assert_eq!(unit.format(value), expected);
        }
    }
}
