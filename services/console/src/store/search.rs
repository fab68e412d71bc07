//! Finds traces. Looks at a chunk at a time, so that a wide search never keeps the receiver waiting.

use std::sync::Mutex;

use indexmap::IndexSet;
use serde::Serialize;

use super::ids::TraceId;
use super::lock;
use super::span::{Marks, StoredSpan};
use super::spans::Spans;
use super::times;
use super::trace::Trace;

/// Spans of the traces looked at while the store is held; about a millisecond.
const CHUNK: usize = 4_096;

/// Services and verdicts named of one trace.
const NAMES_MAX: usize = 32;

/// What a trace must be like. Everything that is set must hold.
#[derive(Debug, Default)]
pub(crate) struct TraceFilter {
    /// One of its spans comes from this service.
    pub(crate) service: Option<String>,
    /// One of its spans has this text in its name.
    pub(crate) name: Option<String>,
    /// Whether one of its spans has failed.
    pub(crate) failed: Option<bool>,
    /// It took at least this long, in milliseconds.
    pub(crate) min_duration_ms: Option<f64>,
    /// It works for this job.
    pub(crate) job: Option<String>,
    /// One of its spans has this attribute with this value, as text.
    pub(crate) attribute: Option<(String, String)>,
    /// At most this many, the newest.
    pub(crate) limit: usize,
}

/// A trace in a list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TraceSummary {
    pub(crate) trace_id: TraceId,
    pub(crate) root_service: String,
    pub(crate) root_name: String,
    pub(crate) start_unix_ms: u64,
    pub(crate) duration_ms: f64,
    /// The same in nanoseconds.
    #[serde(skip)]
    pub(crate) duration: u64,
    pub(crate) span_count: usize,
    /// Whether one of its spans has failed.
    pub(crate) error: bool,
    /// The first of them.
    pub(crate) services: Vec<String>,
    /// How many more there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) more_services: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job_id: Option<String>,
    /// What kind of job it works for.
    #[serde(skip)]
    pub(crate) job_kind: Option<String>,
    /// The verdicts of its attempts, each once, in the order they arrived.
    #[serde(skip)]
    pub(crate) verdicts: Vec<String>,
}

/// The newest traces that pass, by the order in which they arrived: clocks may disagree, the store does not.
pub(crate) fn search(spans: &Mutex<Spans>, filter: &TraceFilter) -> Vec<TraceSummary> {
    match &filter.job {
        Some(job) => of_job(&lock(spans), job, filter),
        None => of_all(spans, filter),
    }
}

fn of_job(spans: &Spans, job: &str, filter: &TraceFilter) -> Vec<TraceSummary> {
    let traces = spans.of_job(job).into_iter();
    let found = traces.filter_map(|id| Some((id, spans.trace(id)?)));
    found
        .filter(|(_, trace)| filter.passes(trace))
        .take(filter.limit)
        .map(|(id, trace)| summary(id, trace))
        .collect()
}

fn of_all(spans: &Mutex<Spans>, filter: &TraceFilter) -> Vec<TraceSummary> {
    let mut found = Vec::new();
    let mut place = Some(u64::MAX);
    while let Some(before) = place.filter(|_| found.len() < filter.limit) {
        place = None;
        for (id, trace) in lock(spans).before(before, CHUNK) {
            place = Some(trace.arrived);
            if found.len() < filter.limit && filter.passes(trace) {
                found.push(summary(id, trace));
            }
        }
    }
    found
}

impl TraceFilter {
    /// Whether anything but the limit is set.
    pub(crate) fn is_narrowed(&self) -> bool {
        let texts = [&self.service, &self.name, &self.job];
        texts.iter().any(|text| text.is_some())
            || self.failed.is_some()
            || self.min_duration_ms.is_some()
            || self.attribute.is_some()
    }

    fn passes(&self, trace: &Trace) -> bool {
        let any_span = |test: &dyn Fn(&StoredSpan) -> bool| trace.spans.values().any(test);
        self.failed.is_none_or(|failed| failed == (trace.failed > 0))
            && self.min_duration_ms.is_none_or(|least| milliseconds(trace.duration()) >= least)
            && self.service.as_ref().is_none_or(|name| trace.has_service(name))
            && self
                .name
                .as_ref()
                .is_none_or(|part| any_span(&|span| span.with_name(|name| name.contains(part))))
            && self.attribute.as_ref().is_none_or(|(key, value)| {
                any_span(&|span| span.attribute(key).as_ref() == Some(value))
            })
    }
}

fn summary(id: TraceId, trace: &Trace) -> TraceSummary {
    let (root, services) = (trace.root(), trace.services());
    TraceSummary {
        trace_id: id,
        root_service: root.map(|root| root.origin.service.to_string()).unwrap_or_default(),
        root_name: root.map(|root| root.with_name(str::to_owned)).unwrap_or_default(),
        start_unix_ms: times::known(trace.start).unwrap_or_default() / 1_000_000,
        duration_ms: milliseconds(trace.duration()),
        duration: trace.duration(),
        span_count: trace.spans.len(),
        error: trace.failed > 0,
        more_services: services.len().saturating_sub(NAMES_MAX),
        services: services.into_iter().take(NAMES_MAX).map(str::to_owned).collect(),
        job_id: trace.jobs.first().map(ToString::to_string),
        job_kind: marks(trace).find_map(|marks| marks.job_kind.as_deref()).map(str::to_owned),
        verdicts: verdicts(trace),
    }
}

fn verdicts(trace: &Trace) -> Vec<String> {
    let verdicts: IndexSet<&str> =
        marks(trace).filter_map(|marks| marks.verdict.as_deref()).collect();
    verdicts.into_iter().take(NAMES_MAX).map(str::to_owned).collect()
}

fn marks(trace: &Trace) -> impl Iterator<Item = &Marks> {
    trace.spans.values().filter_map(StoredSpan::marks)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks for it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Nanoseconds as milliseconds, to the microsecond.
fn milliseconds(nanos: u64) -> f64 {
    (nanos / 1_000) as f64 / 1_000.0
}
