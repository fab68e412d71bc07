//! Parsing of a clock skew: `+5s`, `-90s`, `250ms`, `2m`, or plain seconds such as `-1.5`.

use std::{fmt, str::FromStr};

use time::Duration;

/// Largest skew in either direction.
pub const SKEW_MAX: Duration = Duration::DAY;

/// A clock skew: positive is ahead of true time. At most [`SKEW_MAX`] in either direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skew(Duration);

impl Skew {
    /// The skew as a signed duration.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

/// The text is not a skew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a time with a sign, such as +5s, -90s, 250ms or -2m, and at most 24 h")]
pub struct InvalidSkew;

impl FromStr for Skew {
    type Err = InvalidSkew;

    /// An empty text means no skew, as for an unset variable.
    fn from_str(text: &str) -> Result<Self, InvalidSkew> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        let (backwards, size) = match text.strip_prefix('-') {
            Some(size) => (true, size),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if size.starts_with(['+', '-']) {
            return Err(InvalidSkew);
        }
        let size = match size.parse() {
            Ok(seconds) => std::time::Duration::try_from_secs_f64(seconds).ok(),
            Err(_) => humantime::parse_duration(size).ok(),
        };
        let size = Duration::try_from(size.ok_or(InvalidSkew)?).map_err(|_| InvalidSkew)?;
        if size > SKEW_MAX {
            return Err(InvalidSkew);
        }
        Ok(Self(if backwards { -size } else { size }))
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:+}s", self.0.as_seconds_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skew_is_parsed_with_and_without_a_unit() {
        let skew = |text: &str| text.parse().map(Skew::duration);
        for (text, milliseconds) in [
            ("+5s", 5_000),
            ("-90s", -90_000),
            ("250ms", 250),
            ("-1.5", -1_500),
            ("2m", 120_000),
            ("-24h", -86_400_000),
            ("", 0),
        ] {
            assert_eq!(skew(text), Ok(Duration::milliseconds(milliseconds)), "{text}");
        }
        for wrong in ["5 parsecs", "s", "+", "--5s", "-+5", "25h", "inf", "NaN", "1e300", "5s!"] {
            assert_eq!(skew(wrong), Err(InvalidSkew), "{wrong}");
        }
    }

    #[test]
    fn a_displayed_skew_can_be_parsed_again() {
        for text in ["+5s", "-0.25s", "+0s"] {
            let skew: Skew = text.parse().unwrap();
            assert_eq!(skew.to_string(), text);
        }
    }
}
