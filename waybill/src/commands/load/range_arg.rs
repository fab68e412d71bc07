//! Bounds as they are written on a command line: `MIN..MAX`, or one value for both.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use settings::HumanDuration;

/// Reads `MIN..MAX` with `one` for each, none above `max`.
pub(super) fn read<T: PartialOrd + Copy + Display>(
    text: &str,
    one: impl Fn(&str) -> Result<T, String>,
) -> Result<RangeInclusive<T>, String> {
    let (low, high) = text.split_once("..").unwrap_or((text, text));
    let (low, high) = (one(low.trim())?, one(high.trim())?);
    if low > high {
        return Err(format!("{low} is above {high}: write the lower one first"));
    }
    Ok(low..=high)
}

/// Reads `MIN..MAX` of durations up to `max`.
pub(super) fn spans(text: &str, max: Duration) -> Result<RangeInclusive<Duration>, String> {
    let one = |text: &str| settings::duration(Duration::ZERO..=max)(text).map(HumanDuration);
    let range = read(text, one)?;
    Ok(range.start().0..=range.end().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_and_wrong_ones_explained() {
        let hour = Duration::from_hours(1);
        let ms = Duration::from_millis;
        assert_eq!(spans("500ms..2s", hour), Ok(ms(500)..=ms(2_000)));
        assert_eq!(spans("0s", hour), Ok(ms(0)..=ms(0)));
        for (text, said) in
            [("2s..1s", "lower one first"), ("soon", "must be a duration"), ("2h", "to 1h")]
        {
            assert!(spans(text, hour).unwrap_err().contains(said), "{text}");
        }
    }
}
