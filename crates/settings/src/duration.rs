//! Durations as people write them: `500ms`, `2s`, `1m 30s`, or a plain number in the setting's own unit.

use std::{fmt, ops::RangeInclusive, time::Duration};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// A duration that is shown as it would be written.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct HumanDuration(pub Duration);

impl fmt::Display for HumanDuration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(out)
    }
}

/// Reads a duration within `allowed`; a plain number counts seconds.
pub fn duration(
    allowed: RangeInclusive<Duration>,
) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    move |text| {
        let read = in_unit(text, SECOND).filter(|read| allowed.contains(read));
        read.ok_or_else(|| must_be(&allowed, "2s or 500ms"))
    }
}

/// Reads a whole number of seconds within `allowed`, written as a number or as a duration.
pub fn seconds(allowed: RangeInclusive<u64>) -> impl Fn(&str) -> Result<u64, String> + Clone {
    whole_in(SECOND, allowed, "10 or 10s")
}

/// Reads a whole number of milliseconds within `allowed`, written as a number or as a duration.
pub fn milliseconds(allowed: RangeInclusive<u64>) -> impl Fn(&str) -> Result<u64, String> + Clone {
    whole_in(MILLISECOND, allowed, "500 or 500ms")
}

/// Reads a whole number of `unit`s.
fn whole_in(
    unit: Duration,
    allowed: RangeInclusive<u64>,
    example: &'static str,
) -> impl Fn(&str) -> Result<u64, String> + Clone {
    move |text| {
        let whole = |read: Duration| {
            let count = read.as_nanos() / unit.as_nanos();
            let is_whole = read.as_nanos().is_multiple_of(unit.as_nanos());
            u64::try_from(count).ok().filter(|_| is_whole)
        };
        let read = in_unit(text, unit).and_then(whole).filter(|read| allowed.contains(read));
        read.ok_or_else(|| {
            let times = |count: u64| unit.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
            let (least, most) = (times(*allowed.start()), times(*allowed.end()));
            let kind = if unit == SECOND { "whole seconds" } else { "whole milliseconds" };
            format!("{}, in {kind}", must_be(&(least..=most), example))
        })
    }
}

fn in_unit(text: &str, unit: Duration) -> Option<Duration> {
    let text = text.trim();
    match text.parse::<f64>() {
        // Rounded to nanoseconds: 0.1 s is exactly 100 ms.
        Ok(count) => Duration::try_from_secs_f64(count * unit.as_secs_f64()).ok(),
        Err(_) => humantime::parse_duration(text).ok(),
    }
}

fn must_be(allowed: &RangeInclusive<Duration>, example: &str) -> String {
    let (least, most) = (HumanDuration(*allowed.start()), HumanDuration(*allowed.end()));
    format!("must be a duration from {least} to {most}, such as {example}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_and_without_a_unit() {
        let read = duration(SECOND..=Duration::from_mins(5));
        for (text, milliseconds) in [
            ("2s", 2_000),
            (" 2s\n", 2_000),
            ("2", 2_000),
            ("1.5", 1_500),
            ("1500ms", 1_500),
            ("1m 30s", 90_000),
            ("5m", 300_000),
            ("300", 300_000),
        ] {
            assert_eq!(read(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for wrong in ["", "999ms", "301", "6m", "-2s", "-2", "s", "2 parsecs", "inf", "NaN", "1e99"]
        {
            let expected = "must be a duration from 1s to 5m, such as 2s or 500ms";
            assert_eq!(read(wrong).unwrap_err(), expected, "{wrong}");
        }
    }

    #[test]
    fn a_whole_number_of_a_unit_may_have_its_unit() {
        let (s, ms) = (seconds(0..=3_600), milliseconds(1..=60_000));
        for (text, read) in [("0", 0), ("10", 10), ("10s", 10), ("1h", 3_600), (" 1m ", 60)] {
            assert_eq!(s(text), Ok(read), "{text}");
        }
        for (text, read) in [("500", 500), ("500ms", 500), ("2s", 2_000)] {
            assert_eq!(ms(text), Ok(read), "{text}");
        }
        for wrong in ["", "1500ms", "0.5", "3601", "2h", "-1", "abc"] {
            let error = s(wrong).unwrap_err();
            assert!(error.contains("from 0s to 1h") && error.contains("whole seconds"), "{error}");
        }
    }
}
