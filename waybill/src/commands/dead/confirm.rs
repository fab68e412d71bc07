//! Asks before something that cannot be undone, or that many are touched by.

use std::io::{BufRead, IsTerminal as _};

use crate::{
    exit::UsageError,
    terminal::{clean, print_error},
};

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 256;

/// Whether to ask.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Confirm {
    /// Do not ask; needed where nobody can be asked
    #[arg(long, short)]
    yes: bool,
}

impl Confirm {
    /// Whether it is to be done. An error where nobody can be asked and `--yes` is not given.
    pub(super) fn ask(self, question: &str) -> Result<bool, UsageError> {
        if self.yes {
            return Ok(true);
        }
        if !std::io::stdin().is_terminal() {
            let told = format!("{} Nobody can be asked here: give --yes", clean(question));
            return Err(UsageError(told));
        }
        print_error(&format!("{} [y/N] ", clean(question)));
        let agreed = is_yes(std::io::stdin().lock());
        if !agreed {
            print_error("nothing was changed\n");
        }
        Ok(agreed)
    }
}

/// Anything but a clear yes is a no.
fn is_yes(input: impl BufRead) -> bool {
    let mut answer = String::new();
    let read = input.take(ANSWER_BYTES_MAX).read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for (answer, yes) in [
            ("y\n", true),
            ("Yes\n", true),
            ("", false),
            ("\n", false),
            ("yy\n", false),
            ("\u{ff}", false),
        ] {
            assert_eq!(is_yes(answer.as_bytes()), yes, "{answer:?}");
        }
    }
}
