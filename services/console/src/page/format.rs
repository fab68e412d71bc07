//! Texts for timestamps, durations and numbers.

use std::borrow::Cow;

use maud::{Markup, html};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A duration in nanoseconds with three digits and a suitable unit: `840 µs`, `12.3 ms`, `4.21 s`.
pub(super) fn duration(nanos: u64) -> String {
    const UNITS: [(&str, f64); 3] = [("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    let seconds = nanos / 1_000_000_000;
    match seconds {
        3_600.. => return format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
        60.. => return format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ if nanos == 0 => return "0".to_owned(),
        _ if nanos < 1_000 => return format!("{nanos} ns"),
        _ => {}
    }
    let nanos = nanos as f64;
    let fits = |unit: &&(&str, f64)| nanos / unit.1 < 999.5;
    let (unit, size) = UNITS.iter().find(fits).unwrap_or(&UNITS[2]);
    let value = nanos / size;
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {unit}")
}

/// A timestamp in nanoseconds since 1970 as a `time` element, which the script converts to local time.
pub(super) fn timestamp(unix_nanos: u64) -> Markup {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_nanos))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let shown = at.format(format_description!("[hour]:[minute]:[second].[subsecond digits:3]"));
    let machine = at.format(&Rfc3339);
    html! {
        time datetime=(machine.unwrap_or_default()) { (shown.unwrap_or_default()) " UTC" }
    }
}

/// A timestamp in RFC 3339 as a `time` element; any other text unchanged.
pub(super) fn rfc3339_timestamp(rfc3339: &str) -> Markup {
    let at = OffsetDateTime::parse(rfc3339, &Rfc3339).ok();
    let nanos = at.and_then(|at| u64::try_from(at.unix_timestamp_nanos()).ok());
    nanos.map_or_else(|| html! { (rfc3339) }, timestamp)
}

/// The text, truncated to this many bytes, with the number of missing bytes.
pub(super) fn shortened(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return Cow::Borrowed(text);
    }
    let kept = &text[..text.floor_char_boundary(bytes_max)];
    Cow::Owned(format!("{kept}… ({} more bytes in the JSON)", text.len() - kept.len()))
}

/// A number with narrow spaces between groups of three digits.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_three_digits_and_a_suitable_unit() {
        let cases = [
            (0, "0"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (840_000, "840 µs"),
            (999_600, "1.00 ms"),
            (9_994_000, "9.99 ms"),
            (9_996_000, "10.0 ms"),
            (12_340_000, "12.3 ms"),
            (999_400_000, "999 ms"),
            (4_210_000_000, "4.21 s"),
            (59_960_000_000, "60.0 s"),
            (192_000_000_000, "3 min 12 s"),
            (7_500_000_000_000, "2 h 05 min"),
        ];
        for (nanos, shown) in cases {
            assert_eq!(duration(nanos), shown, "{nanos}");
        }
    }

    #[test]
    fn digits_are_grouped_by_thousands() {
        assert_eq!(count(7), "7");
        assert_eq!(count(200_000), "200\u{202f}000");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn an_invalid_timestamp_is_shown_unchanged() {
        assert_eq!(rfc3339_timestamp("<soon>").into_string(), "&lt;soon&gt;");
    }
}
