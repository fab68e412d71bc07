//! Ranges on the command line: `MIN..MAX`, or one value for both.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use settings::HumanDuration;

/// Parses `MIN..MAX`, each bound with `one`.
pub(super) fn read<T: PartialOrd + Copy + Display>(
    text: &str,
    one: impl Fn(&str) -> Result<T, String>,
) -> Result<RangeInclusive<T>, String> {
    let (low, high) = text.split_once("..").unwrap_or((text, text));
    let (low, high) = (one(low.trim())?, one(high.trim())?);
    if low > high {
        return Err(format!("{low} is above {high}: write the lower bound first"));
    }
    Ok(low..=high)
}

/// Parses `MIN..MAX` of durations up to `max`.
pub(super) fn durations(text: &str, max: Duration) -> Result<RangeInclusive<Duration>, String> {
    let one = |text: &str| settings::duration(Duration::ZERO..=max)(text).map(HumanDuration);
    let range = read(text, one)?;
    Ok(range.start().0..=range.end().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_parsed_and_invalid_ones_explained() {
        let hour = Duration::from_hours(1);
        let ms = Duration::from_millis;
        assert_eq!(durations("500ms..2s", hour), Ok(ms(500)..=ms(2_000)));
        assert_eq!(durations("0s", hour), Ok(ms(0)..=ms(0)));
        for (text, expected) in
            [("2s..1s", "lower bound first"), ("soon", "must be a duration"), ("2h", "to 1h")]
        {
            assert!(durations(text, hour).unwrap_err().contains(expected), "{text}");
        }
    }
}
