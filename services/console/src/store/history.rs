//! The last ten minutes of a series as runs of equal values, with the exemplars of that time.
//!
//! Times are milliseconds of the store, by the monotonic clock: a chart must not jump with the wall clock.

use std::collections::VecDeque;
use std::mem::size_of;
use std::sync::Arc;

use super::decoded_point::{DecodedPoint, Distribution, PointExemplar, SeriesValue};
use super::ids::{SpanId, TraceId};

/// How far back a history goes.
pub(crate) const WINDOW_MS: u64 = 10 * 60 * 1_000;

/// A series without points for this long has no value: three scrapes of five seconds.
pub(crate) const GAP_MS: u64 = 15_000;

/// Runs of one series: ten minutes of a value that changes every two seconds.
const RUNS_MAX: usize = 300;

/// Exemplars of one series.
const EXEMPLARS_MAX: usize = 400;

/// A value, and the first and last time at which it was received.
#[derive(Debug, Clone)]
pub(crate) struct ValueRun {
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) value: SeriesValue,
}

/// An exemplar, and when it was first received.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SeenExemplar {
    pub(crate) seen: u64,
    pub(crate) trace: TraceId,
    pub(crate) span: Option<SpanId>,
    pub(crate) value: f64,
    /// When it was observed, Unix nanoseconds, true time.
    pub(crate) at: u64,
}

/// The runs and exemplars of one series, oldest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    runs: VecDeque<ValueRun>,
    exemplars: VecDeque<SeenExemplar>,
    bounds: Arc<[f64]>,
}

impl History {
    /// Adds a point that arrived at `now`.
    pub(crate) fn add(&mut self, now: u64, point: DecodedPoint) {
        if *self.bounds != *point.bounds {
            // Distributions with different buckets cannot be compared.
            self.runs.clear();
            self.bounds = point.bounds.into();
        }
        for exemplar in point.exemplars {
            self.add_exemplar(now, exemplar);
        }
        if let Some(value) = point.value {
            match self.runs.back_mut() {
                Some(run) if run.value == value && now.saturating_sub(run.until) <= GAP_MS => {
                    run.until = now;
                }
                _ => self.runs.push_back(ValueRun { from: now, until: now, value }),
            }
        }
        self.trim(now);
    }

    /// Removes the older half, to make room for other series.
    pub(crate) fn halve(&mut self) {
        self.runs.drain(..self.runs.len() / 2);
        self.exemplars.drain(..self.exemplars.len().div_ceil(2));
        self.runs.shrink_to_fit();
        self.exemplars.shrink_to_fit();
    }

    pub(crate) fn runs(&self) -> impl Iterator<Item = &ValueRun> {
        self.runs.iter()
    }

    pub(crate) fn exemplars(&self) -> impl Iterator<Item = &SeenExemplar> {
        self.exemplars.iter()
    }

    /// Upper bounds of a distribution's buckets, without infinity.
    pub(crate) fn bounds(&self) -> Arc<[f64]> {
        Arc::clone(&self.bounds)
    }

    /// Approximate memory.
    pub(crate) fn bytes(&self) -> usize {
        let per_run = match self.runs.back().map(|run| &run.value) {
            Some(SeriesValue::Distribution(distribution)) => distribution.bytes(),
            Some(SeriesValue::Number(_)) | None => 0,
        };
        self.runs.capacity() * size_of::<ValueRun>()
            + self.runs.len() * per_run
            + self.exemplars.capacity() * size_of::<SeenExemplar>()
            + self.bounds.len() * size_of::<f64>()
    }

    /// A bucket repeats its exemplar until there is a newer one: repetitions are not added.
    fn add_exemplar(&mut self, now: u64, exemplar: PointExemplar) {
        let PointExemplar { trace, span, value, at } = exemplar;
        let is_same_span = |known: &SeenExemplar| known.trace == trace && known.span == span;
        let is_same =
            |known: &SeenExemplar| is_same_span(known) && known.value.total_cmp(&value).is_eq();
        if !self.exemplars.iter().rev().any(is_same) {
            self.exemplars.push_back(SeenExemplar { seen: now, trace, span, value, at });
        }
    }

    fn trim(&mut self, now: u64) {
        let oldest = now.saturating_sub(WINDOW_MS + GAP_MS);
        while self.runs.len() > RUNS_MAX || self.runs.front().is_some_and(|run| run.until < oldest)
        {
            self.runs.pop_front();
        }
        while self.exemplars.len() > EXEMPLARS_MAX {
            self.exemplars.pop_front();
        }
    }
}

/// A copy of one series with its history.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) service: String,
    /// `service.instance.id`; empty without it.
    pub(crate) instance: String,
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) bounds: Arc<[f64]>,
    pub(crate) runs: Vec<ValueRun>,
    pub(crate) exemplars: Vec<SeenExemplar>,
}

impl Series {
    /// The value of a label; empty without it.
    pub(crate) fn label(&self, name: &str) -> &str {
        let found = self.labels.iter().find(|(label, _)| label == name);
        found.map_or("", |(_, value)| value)
    }

    /// The last run that started by `at`; `None` in a gap.
    pub(crate) fn at(&self, at: u64) -> Option<&ValueRun> {
        let started = self.runs.partition_point(|run| run.from <= at);
        let run = self.runs[..started].last()?;
        (at.saturating_sub(run.until) <= GAP_MS).then_some(run)
    }

    /// The number at a time; `None` in a gap and for distributions.
    pub(crate) fn number_at(&self, at: u64) -> Option<f64> {
        match self.at(at)?.value {
            SeriesValue::Number(number) => Some(number),
            SeriesValue::Distribution(_) => None,
        }
    }
}

/// The observations between two states of a histogram. A smaller count means a restart: then all are new.
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

    fn number(value: f64) -> DecodedPoint {
        DecodedPoint { value: Some(SeriesValue::Number(value)), ..DecodedPoint::default() }
    }

    #[test]
    fn equal_values_are_one_run_until_a_gap() {
        let mut history = History::default();
        for now in [0, 5_000, 10_000] {
            history.add(now, number(1.0));
        }
        history.add(10_000 + GAP_MS + 1, number(1.0));
        let runs: Vec<_> = history.runs().map(|run| (run.from, run.until)).collect();
        assert_eq!(runs, [(0, 10_000), (25_001, 25_001)]);
    }

    #[test]
    fn a_history_is_limited_in_runs_and_in_time() {
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
    fn a_repeated_exemplar_is_stored_once() {
        let trace = TraceId::from_wire(&[1; 16]).expect("not zero");
        let exemplar = |value| PointExemplar { trace, span: None, value, at: 0 };
        let mut history = History::default();
        for (now, value) in [(0, 1.0), (5, 1.0), (10, 2.0)] {
            history.add(now, DecodedPoint { exemplars: vec![exemplar(value)], ..number(0.0) });
        }
        assert_eq!(history.exemplars().map(|seen| seen.seen).collect::<Vec<_>>(), [0, 10]);
    }
}
