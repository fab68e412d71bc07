//! One line of standard error that is written over, where that is a terminal.

use std::io::IsTerminal as _;

use super::{columns, fit, print_error};

/// What is under way, in one line.
#[derive(Debug, Default)]
pub(crate) struct StatusLine {
    shown: bool,
}

impl StatusLine {
    /// Shows this text in place of what was there.
    pub(crate) fn show(&mut self, text: &str) {
        if std::io::stderr().is_terminal() {
            self.shown = true;
            // A full last column would break the line, and the next text would not hit it.
            let text = fit(text, columns().saturating_sub(1));
            print_error(&format!("\r\x1b[2K{}", text.trim_end()));
        }
    }

    /// Takes it away.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            print_error("\r\x1b[2K");
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.clear();
    }
}
