//! Terminal output: sanitizing, column widths, durations, colours.

mod status_line;

use std::{borrow::Cow, io::Write as _, time::Duration};

use anstyle::{AnsiColor, Style};
pub(crate) use status_line::StatusLine;
use unicode_width::UnicodeWidthChar as _;

/// Columns if there is no terminal.
const COLUMNS_DEFAULT: usize = 100;
/// Fewest columns that output is laid out for.
pub(crate) const COLUMNS_MIN: usize = 60;
/// Most columns that output is laid out for.
pub(crate) const COLUMNS_MAX: usize = 240;
/// Replaces characters that could control the terminal.
const REPLACED: char = '\u{FFFD}';

/// Secondary text.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Emphasized text.
pub(crate) const BOLD: Style = Style::new().bold();
/// Success.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Warning.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
/// Error.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Writes to standard output, with colours if supported. A closed pipe is no error.
pub(crate) fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let _gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The same for standard error.
pub(crate) fn print_error(text: &str) {
    let mut out = anstream::stderr().lock();
    let _gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The columns of the terminal, clamped to the supported range.
pub(crate) fn columns() -> usize {
    let size = terminal_size::terminal_size();
    let columns = size.map_or(COLUMNS_DEFAULT, |(width, _)| usize::from(width.0));
    columns.clamp(COLUMNS_MIN, COLUMNS_MAX)
}

/// The text between a style's escape codes.
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Untrusted text, sanitized for one line: without control characters, line breaks, bidirectional and
/// invisible characters.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_unsafe) {
        text.chars().map(|c| if is_unsafe(c) { REPLACED } else { c }).collect()
    } else {
        text.into()
    }
}

/// The same, line by line.
pub(crate) fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

/// The columns that clean text takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Clean text in exactly `columns` columns: cut with an ellipsis, or padded on the right.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    let text = clean(text);
    let taken = width(&text);
    if taken <= columns {
        return format!("{text}{}", " ".repeat(columns - taken));
    }
    let mut cut = String::new();
    let mut taken = 0;
    for c in text.chars() {
        let next = taken + c.width().unwrap_or(0);
        if next >= columns {
            break;
        }
        cut.push(c);
        taken = next;
    }
    let ellipsis = if columns > 0 { "…" } else { "" };
    let fill = columns.saturating_sub(taken + 1);
    format!("{cut}{ellipsis}{}", " ".repeat(fill))
}

/// A duration in at most eight columns, with three significant digits.
pub(crate) fn short(duration: Duration) -> String {
    let (seconds, ns) = (duration.as_secs(), duration.subsec_nanos());
    // Truncated, not rounded: 59.99 s must not become a minute.
    match (seconds, ns) {
        (0, 0..1_000) => format!("{ns} ns"),
        (0, 1_000..1_000_000) => format!("{} µs", ns / 1_000),
        (0, 1_000_000..10_000_000) => format!("{}.{:02} ms", ns / 1_000_000, ns / 10_000 % 100),
        (0, 10_000_000..100_000_000) => format!("{}.{} ms", ns / 1_000_000, ns / 100_000 % 10),
        (0, _) => format!("{} ms", ns / 1_000_000),
        (1..10, _) => format!("{seconds}.{:02} s", ns / 10_000_000),
        (10..60, _) => format!("{seconds}.{} s", ns / 100_000_000),
        _ => long(seconds),
    }
}

fn long(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    match hours {
        0 => format!("{minutes}m {:02}s", seconds % 60),
        1..100 => format!("{hours}h {:02}m", minutes % 60),
        100..100_000 => format!("{} d", hours / 24),
        _ => "> 10 yr".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn untrusted_text_cannot_control_the_terminal() {
        let evil = "a\u{1b}[2Jb\rc\nd\u{9b}1me\u{202e}f\u{200b}g\t";
        assert_eq!(
            clean(evil),
            "a\u{FFFD}[2Jb\u{FFFD}c\u{FFFD}d\u{FFFD}1me\u{FFFD}f\u{FFFD}g\u{FFFD}"
        );
        assert_eq!(clean("Grüße, 世界 🧾"), "Grüße, 世界 🧾");
        assert_eq!(clean_lines("a\nb\u{7}"), "a\nb\u{FFFD}");
    }

    #[test]
    fn durations_are_short_and_never_round_into_the_next_unit() {
        let cases = [
            (0, "0 ns"),
            (999_999, "999 µs"),
            (1_000_000, "1.00 ms"),
            (9_999_999, "9.99 ms"),
            (12_345_678, "12.3 ms"),
            (999_999_999, "999 ms"),
            (1_234_000_000, "1.23 s"),
            (59_999_999_999, "59.9 s"),
            (185_000_000_000, "3m 05s"),
            (u64::MAX, "> 10 yr"),
        ];
        for (ns, text) in cases {
            assert_eq!(short(Duration::from_nanos(ns)), text);
        }
    }

    proptest! {
        #[test]
        fn fitted_text_takes_exactly_its_columns(text in any::<String>(), columns in 0usize..60) {
            prop_assert_eq!(width(&fit(&text, columns)), columns);
        }

        #[test]
        fn no_duration_is_wider_than_its_column(ns: u64) {
            prop_assert!(width(&short(Duration::from_nanos(ns))) <= 8);
        }
    }
}
