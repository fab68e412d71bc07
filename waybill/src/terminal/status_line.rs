//! A status line on standard error that is overwritten in place, if it is a terminal.

use std::io::IsTerminal as _;

use super::{columns, fit, print_error};

/// The current status, in one line.
#[derive(Debug, Default)]
pub(crate) struct StatusLine {
    shown: bool,
}

impl StatusLine {
    /// Replaces the text of the line.
    pub(crate) fn show(&mut self, text: &str) {
        if std::io::stderr().is_terminal() {
            self.shown = true;
            // A full last column would wrap the line, and the next text would not overwrite it.
            let text = fit(text, columns().saturating_sub(1));
            print_error(&format!("\r\x1b[2K{}", text.trim_end()));
        }
    }

    /// Clears the line.
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
