//! What a series was in the last ten minutes, as runs of equal values, and the exemplars it showed meanwhile.
//!
//! Times are milliseconds of the store, by the monotonic clock: a line on a page must not jump with the wall clock.

use std::collections::VecDeque;
use std::mem::size_of;
use std::sync::Arc;

use super::ids::{SpanId, TraceId};
use super::sample::{Distribution, Example, Sample, Value};

/// How far back a history goes.
pub(crate) const WINDOW_MS: u64 = 10 * 60 * 1_000;

/// A series that was not heard of for this long has no value: three scrapes of five seconds.
pub(crate) const GAP_MS: u64 = 15_000;

/// Runs of one series: ten minutes of a value that changes every two seconds.
const RUNS_MAX: usize = 300;

/// Exemplars of one series.
const DOTS_MAX: usize = 400;

/// A value and the time in which it was seen again and again.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) value: Value,
}

/// An exemplar and when it was first seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dot {
    pub(crate) seen: u64,
    pub(crate) trace: TraceId,
    /// The observed span, where the exemplar names it.
    pub(crate) span: Option<SpanId>,
    pub(crate) value: f64,
    /// When it was observed, Unix nanoseconds of true time.
    pub(crate) at: u64,
}

/// The runs and exemplars of one series, oldest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    runs: VecDeque<Run>,
    dots: VecDeque<Dot>,
    bounds: Arc<[f64]>,
}

impl History {
    /// Takes what the series is at `now`.
    pub(crate) fn add(&mut self, now: u64, sample: Sample) {
        if *self.bounds != *sample.bounds {
            // Other buckets cannot be compared with the earlier ones.
            self.runs.clear();
            self.bounds = sample.bounds.into();
        }
        for example in sample.examples {
            self.add_dot(now, example);
        }
        if let Some(value) = sample.value {
            match self.runs.back_mut() {
                Some(run) if run.value == value && now.saturating_sub(run.until) <= GAP_MS => {
                    run.until = now;
                }
                _ => self.runs.push_back(Run { from: now, until: now, value }),
            }
        }
        self.forget(now);
    }

    /// Lets the older half go, for others that need the room.
    pub(crate) fn halve(&mut self) {
        self.runs.drain(..self.runs.len() / 2);
        self.dots.drain(..self.dots.len().div_ceil(2));
        self.runs.shrink_to_fit();
        self.dots.shrink_to_fit();
    }

    pub(crate) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter()
    }

    pub(crate) fn dots(&self) -> impl Iterator<Item = &Dot> {
        self.dots.iter()
    }

    /// Upper bounds of a distribution's buckets, without infinity.
    pub(crate) fn bounds(&self) -> Arc<[f64]> {
        Arc::clone(&self.bounds)
    }

    /// Memory it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        let per_run = match self.runs.back().map(|run| &run.value) {
            Some(Value::Distribution(distribution)) => distribution.bytes(),
            Some(Value::Number(_)) | None => 0,
        };
        self.runs.capacity() * size_of::<Run>()
            + self.runs.len() * per_run
            + self.dots.capacity() * size_of::<Dot>()
            + self.bounds.len() * size_of::<f64>()
    }

    /// A bucket shows its newest exemplar until there is a newer one: only what is new is a new dot.
    fn add_dot(&mut self, now: u64, example: Example) {
        let Example { trace, span, value, at } = example;
        let is_known = |dot: &Dot| dot.trace == trace && dot.span == span;
        let is_same = |dot: &Dot| is_known(dot) && dot.value.total_cmp(&value).is_eq();
        if !self.dots.iter().rev().any(is_same) {
            self.dots.push_back(Dot { seen: now, trace, span, value, at });
        }
    }

    fn forget(&mut self, now: u64) {
        let oldest = now.saturating_sub(WINDOW_MS + GAP_MS);
        while self.runs.len() > RUNS_MAX || self.runs.front().is_some_and(|run| run.until < oldest)
        {
            self.runs.pop_front();
        }
        while self.dots.len() > DOTS_MAX {
            self.dots.pop_front();
        }
    }
}

/// One series as pages draw it.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) service: String,
    /// Which process of that service, where it says so.
    pub(crate) instance: String,
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) bounds: Arc<[f64]>,
    pub(crate) runs: Vec<Run>,
    pub(crate) dots: Vec<Dot>,
}

impl Series {
    /// The value of a label; empty without it.
    pub(crate) fn label(&self, name: &str) -> &str {
        let found = self.labels.iter().find(|(label, _)| label == name);
        found.map_or("", |(_, value)| value)
    }

    /// The last run that began by `at`, unless the series was silent then.
    pub(crate) fn at(&self, at: u64) -> Option<&Run> {
        let started = self.runs.partition_point(|run| run.from <= at);
        let run = self.runs[..started].last()?;
        (at.saturating_sub(run.until) <= GAP_MS).then_some(run)
    }

    /// The number at a time; `None` in a gap and for distributions.
    pub(crate) fn number_at(&self, at: u64) -> Option<f64> {
        match self.at(at)?.value {
            Value::Number(number) => Some(number),
            Value::Distribution(_) => None,
        }
    }
}

/// A distribution as it rose; a fall of the count is a restart, after which all is new.
pub(crate) fn rise(before: &Distribution, after: &Distribution) -> Distribution {
    if after.count < before.count || after.buckets.len() != before.buckets.len() {
        return after.clone();
    }
    let buckets = after.buckets.iter().zip(&before.buckets);
    Distribution {
        count: after.count - before.count,
        sum: after.sum - before.sum,
        buckets: buckets.map(|(after, before)| after.saturating_sub(*before)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64) -> Sample {
        Sample { value: Some(Value::Number(value)), ..Sample::default() }
    }

    #[test]
    fn equal_values_are_one_run_until_the_series_was_silent() {
        let mut history = History::default();
        for now in [0, 5_000, 10_000] {
            history.add(now, number(1.0));
        }
        history.add(10_000 + GAP_MS + 1, number(1.0));
        let runs: Vec<_> = history.runs().map(|run| (run.from, run.until)).collect();
        assert_eq!(runs, [(0, 10_000), (25_001, 25_001)]);
    }

    #[test]
    fn a_history_is_bounded_in_number_and_in_time() {
        let mut history = History::default();
        for now in 0..2_000 {
            history.add(now * 100, number(now as f64));
        }
        assert_eq!(history.runs().count(), RUNS_MAX);
        let full = history.bytes();
        history.halve();
        assert!(history.bytes() < full && history.runs().count() == RUNS_MAX / 2);
        history.add(200_000 + 2 * WINDOW_MS, number(0.0));
        assert_eq!(history.runs().count(), 1);
    }

    #[test]
    fn an_exemplar_that_stays_is_one_dot() {
        let trace = TraceId::from_wire(&[1; 16]).expect("not zero");
        let example = |value| Example { trace, span: None, value, at: 0 };
        let mut history = History::default();
        for (now, value) in [(0, 1.0), (5, 1.0), (10, 2.0)] {
            history.add(now, Sample { examples: vec![example(value)], ..number(0.0) });
        }
        assert_eq!(history.dots().map(|dot| dot.seen).collect::<Vec<_>>(), [0, 10]);
    }
}
