//! The newest exemplar of each histogram bucket.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::SystemTime,
};

use opentelemetry::{SpanId, TraceId};
use parking_lot::Mutex;

/// Maximum number of series of one histogram that carry exemplars.
const SERIES_MAX: usize = 512;

/// One observation and its trace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exemplar {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) value: f64,
    /// True time, without the clock offset: Prometheus refuses exemplars in the future.
    pub(crate) at: SystemTime,
}

/// The exemplars of one histogram, by series and bucket.
#[derive(Debug, Default)]
pub(crate) struct Exemplars(Mutex<HashMap<u64, Box<[Option<Exemplar>]>>>);

impl Exemplars {
    /// Stores the exemplar, replacing the last one of its bucket.
    pub(crate) fn keep<S: AsRef<str>>(&self, labels: &[S], bounds: &[f64], exemplar: Exemplar) {
        let series = key(labels);
        let mut kept = self.0.lock();
        if kept.len() >= SERIES_MAX && !kept.contains_key(&series) {
            return;
        }
        let buckets =
            kept.entry(series).or_insert_with(|| vec![None; bounds.len() + 1].into_boxed_slice());
        buckets[bounds.partition_point(|bound| *bound < exemplar.value)] = Some(exemplar);
    }

    /// The exemplars of a series by bucket, including that of `+Inf`; empty if there are none.
    pub(crate) fn of<S: AsRef<str>>(&self, labels: &[S]) -> Box<[Option<Exemplar>]> {
        let kept = self.0.lock();
        kept.get(&key(labels)).cloned().unwrap_or_default()
    }
}

/// A 64-bit hash identifies a series: a collision among 512 has a probability of about 10^-14.
fn key<S: AsRef<str>>(labels: &[S]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for label in labels {
        label.as_ref().hash(&mut hasher);
    }
    hasher.finish()
}
