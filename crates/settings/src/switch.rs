//! Parsing of `on` and `off`, and of their usual synonyms.

use std::{fmt, str::FromStr};

const ON: [&str; 4] = ["on", "1", "true", "yes"];
const OFF: [&str; 4] = ["off", "0", "false", "no"];

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Parsed from `on`, `1`, `true` or `yes`.
    On,
    /// Parsed from `off`, `0`, `false` or `no`.
    Off,
}

impl Switch {
    /// Whether the switch is on.
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

impl FromStr for Switch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let is_one_of = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        match (is_one_of(ON), is_one_of(OFF)) {
            (true, _) => Ok(Self::On),
            (_, true) => Ok(Self::Off),
            _ => Err("must be on or off (also 1, true, yes; 0, false, no)".to_owned()),
        }
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.is_on() { ON[0] } else { OFF[0] })
    }
}

/// Parses the environment variable of a flag that takes no value on the command line.
pub fn switched_on(text: &str) -> Result<bool, String> {
    text.parse().map(Switch::is_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_accepts_eight_words_in_any_case() {
        for (words, state) in [(ON, Switch::On), (OFF, Switch::Off)] {
            for word in words {
                for text in [word.to_owned(), word.to_uppercase(), format!(" {word}\n")] {
                    assert_eq!(text.parse(), Ok(state), "{text:?}");
                }
            }
        }
        for wrong in ["", "2", "y", "n", "enabled", "onn", "on off"] {
            let error = wrong.parse::<Switch>().unwrap_err();
            assert!(error.starts_with("must be on or off"), "{wrong}: {error}");
        }
    }
}
