//! A chart: its entry in the table, and the data that is drawn.

use contract::signals::Metric;

use super::unit::ChartUnit;
use crate::store::{TraceId, WINDOW_MS};

const MINUTE_MS: u64 = 60_000;

/// Values of a line.
const STEPS: u64 = 60;

/// A chart of the table.
#[derive(Debug)]
pub(super) struct ChartEntry {
    /// Part of element ids.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What to look for, in one or two sentences.
    pub(super) look_for: &'static str,
    pub(super) unit: ChartUnit,
    pub(super) data: ChartData,
}

/// Where the lines of a chart come from.
#[derive(Debug)]
pub(super) enum ChartData {
    /// The rate of a counter, a line per value of `label`; `tone` is the CSS class of a value.
    Rates { metric: &'static Metric, label: &'static str, tone: fn(&str) -> &'static str },
    /// p50 and p95 of a histogram, two lines per stage; its exemplars are dots.
    Percentiles { metric: &'static Metric },
    /// A gauge of queues, a line per stream; `only_consumed` omits streams without a consumer.
    Queues { metric: &'static Metric, only_consumed: bool },
    /// A gauge in per cent of another, a line per stage.
    Share { part: &'static Metric, whole: &'static Metric },
}

/// One chart with its data.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) entry: &'static ChartEntry,
    pub(super) window: TimeWindow,
    pub(super) lines: Vec<ChartLine>,
    pub(super) dots: Vec<ChartDot>,
}

/// The time that a chart shows, in milliseconds of the store.
#[derive(Debug, Clone)]
pub(super) struct TimeWindow {
    pub(super) from: u64,
    pub(super) until: u64,
    /// The times at which lines have a value, oldest first.
    pub(super) times: Vec<u64>,
}

/// One line.
#[derive(Debug)]
pub(super) struct ChartLine {
    pub(super) name: String,
    /// CSS class with its colour.
    pub(super) class: String,
    pub(super) dashed: bool,
    /// A value per time of the window; `None` in a gap.
    pub(super) values: Vec<Option<f64>>,
    /// Shown in the legend instead of the latest value.
    pub(super) now: Option<String>,
}

/// An exemplar, drawn as a dot that links to its trace.
#[derive(Debug, Clone)]
pub(super) struct ChartDot {
    pub(super) seen: u64,
    pub(super) value: f64,
    pub(super) name: String,
    pub(super) class: String,
    pub(super) href: String,
    pub(super) trace: TraceId,
}

impl Chart {
    pub(super) fn has_data(&self) -> bool {
        self.lines.iter().any(|line| line.values.iter().any(Option::is_some))
    }
}

impl TimeWindow {
    /// The last two, five or ten minutes, depending on the age of the store, so that the charts of a new lab are filled
    /// too.
    pub(super) fn until(now: u64) -> Self {
        let minutes = match now.saturating_sub(WINDOW_MS) / MINUTE_MS {
            0..2 => 2,
            2..5 => 5,
            _ => WINDOW_MS / MINUTE_MS,
        };
        let (length, step) = (minutes * MINUTE_MS, minutes * MINUTE_MS / STEPS);
        let from = now.saturating_sub(length);
        // Multiples of the step, so that a line keeps its shape while it moves.
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

impl ChartLine {
    /// Whether all values are zero.
    pub(super) fn is_zero(&self) -> bool {
        self.now.is_none() && self.values.iter().flatten().all(|value| *value == 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_grows_with_the_age_of_the_store_and_ends_now() {
        for (age, minutes) in [(0, 2), (119_999, 2), (130_000, 5), (3_000_000, 10)] {
            let now = WINDOW_MS + age;
            let window = TimeWindow::until(now);
            assert_eq!((window.until, window.minutes()), (now, minutes));
            assert!(window.times.is_sorted() && window.times.last() == Some(&now));
            assert!(window.times.len() <= 62 && window.times[0] >= window.from);
        }
    }
}
