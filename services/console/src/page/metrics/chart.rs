//! What a chart is, before it is drawn.

use crate::store::{TraceId, WINDOW_MS};

const MINUTE_MS: u64 = 60_000;

/// Values of a line.
const STEPS: u64 = 60;

/// One chart.
#[derive(Debug)]
pub(super) struct Chart {
    /// Fit for an element's id.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What to look for, as one sentence.
    pub(super) look_for: &'static str,
    pub(super) unit: Unit,
    pub(super) frame: Frame,
    pub(super) lines: Vec<Line>,
    pub(super) dots: Vec<Exemplar>,
}

/// What the numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    PerSecond,
    Messages,
    /// Of seconds, from zero.
    Seconds,
    /// Of seconds, from milliseconds to minutes: the axis is logarithmic.
    Duration,
    Percent,
}

/// The time that a chart shows, in milliseconds of the store.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) from: u64,
    pub(super) until: u64,
    /// When lines have a value, oldest first.
    pub(super) times: Vec<u64>,
}

/// One line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    /// The class with its colour.
    pub(super) class: String,
    pub(super) dashed: bool,
    /// One for each of the frame's times; `None` where nothing is known.
    pub(super) values: Vec<Option<f64>>,
    /// Shown in the legend instead of the latest value.
    pub(super) now: Option<String>,
}

/// A dot that leads to a trace.
#[derive(Debug, Clone)]
pub(super) struct Exemplar {
    pub(super) seen: u64,
    pub(super) value: f64,
    pub(super) name: String,
    pub(super) class: String,
    /// The trace's page, at the observed span.
    pub(super) href: String,
    pub(super) trace: TraceId,
}

impl Chart {
    pub(super) fn has_data(&self) -> bool {
        self.lines.iter().any(|line| line.values.iter().any(Option::is_some))
    }
}

impl Frame {
    /// The last two, five or ten minutes, whichever fits the age of the store: a lab that has just started
    /// fills its charts too.
    pub(super) fn until(now: u64) -> Self {
        let minutes = match now.saturating_sub(WINDOW_MS) / MINUTE_MS {
            0..2 => 2,
            2..5 => 5,
            _ => WINDOW_MS / MINUTE_MS,
        };
        let (length, step) = (minutes * MINUTE_MS, minutes * MINUTE_MS / STEPS);
        let from = now.saturating_sub(length);
        // Fixed moments, so that a line moves and does not change its shape.
        let fixed = (from.div_ceil(step)..=now / step).map(|index| index * step);
        let mut times: Vec<u64> = fixed.collect();
        if times.last() != Some(&now) {
            times.push(now);
        }
        Self { from, until: now, times }
    }

    pub(super) fn minutes(&self) -> u64 {
        (self.until - self.from).div_ceil(MINUTE_MS)
    }
}

impl Line {
    /// Whether it was zero all the time: then it says nothing by its colour.
    pub(super) fn is_quiet(&self) -> bool {
        self.now.is_none() && self.values.iter().flatten().all(|value| *value == 0.0)
    }
}

impl Unit {
    /// After the title.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::PerSecond => "per second",
            Self::Messages => "messages",
            Self::Seconds | Self::Duration => "seconds",
            Self::Percent => "%",
        }
    }

    /// A value with its unit, for axis and legend.
    pub(super) fn shown(self, value: f64) -> String {
        match self {
            Self::PerSecond => format!("{} /s", plain(value)),
            Self::Messages => plain(value),
            Self::Percent => format!("{} %", plain(value)),
            Self::Seconds | Self::Duration => seconds(value),
        }
    }
}

/// Up to three digits, no more than needed.
fn plain(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        size if size < 0.1 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

/// `840 µs`, `12 ms`, `4.2 s`, `3 min`.
fn seconds(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 0.001 => format!("{} µs", plain(value * 1e6)),
        size if size < 1.0 => format!("{} ms", plain(value * 1e3)),
        size if size < 120.0 => format!("{} s", plain(value)),
        size if size < 7_200.0 => format!("{} min", plain(value / 60.0)),
        _ => format!("{} h", plain(value / 3_600.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_short_and_with_their_unit() {
        for (unit, value, shown) in [
            (Unit::PerSecond, 1.96, "1.96 /s"),
            (Unit::PerSecond, 0.0, "0 /s"),
            (Unit::Messages, 12_345.0, "12345"),
            (Unit::Percent, 12.5, "12.5 %"),
            (Unit::Duration, 0.000_84, "840 µs"),
            (Unit::Duration, 0.0121, "12.1 ms"),
            (Unit::Seconds, 4.0, "4 s"),
            (Unit::Seconds, 300.0, "5 min"),
        ] {
            assert_eq!(unit.shown(value), shown);
        }
    }

    #[test]
    fn a_frame_grows_with_the_store_and_ends_now() {
        for (age, minutes) in [(0, 2), (119_999, 2), (130_000, 5), (3_000_000, 10)] {
            let now = WINDOW_MS + age;
            let frame = Frame::until(now);
            assert_eq!((frame.until, frame.minutes()), (now, minutes));
            assert!(frame.times.is_sorted() && frame.times.last() == Some(&now));
            assert!(frame.times.len() <= 62 && frame.times[0] >= frame.from);
        }
    }
}
