//! Asks for confirmation before a change that cannot be undone or that affects many dead letters.

use std::io::{BufRead, IsTerminal as _};

use crate::{
    exit::UsageError,
    terminal::{clean, print_error},
};

/// Most bytes read of the user's reply.
const ANSWER_BYTES_MAX: u64 = 256;

/// Whether to ask for confirmation.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct ConfirmArgs {
    /// Do not ask for confirmation; required if standard input is no terminal
    #[arg(long, short)]
    yes: bool,
}

impl ConfirmArgs {
    /// Whether the user agrees. An error if standard input is no terminal and `--yes` is not given.
    pub(super) fn ask(self, question: &str) -> Result<bool, UsageError> {
        if self.yes {
            return Ok(true);
        }
        if !std::io::stdin().is_terminal() {
            let why = "Standard input is no terminal: confirm with --yes";
            return Err(UsageError(format!("{} {why}", clean(question))));
        }
        print_error(&format!("{} [y/N] ", clean(question)));
        let agreed = is_yes(std::io::stdin().lock());
        if !agreed {
            print_error("nothing changed\n");
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
    fn only_y_and_yes_confirm() {
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
