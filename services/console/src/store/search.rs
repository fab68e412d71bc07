//! Finds traces. Locks the store for a chunk of traces at a time, so that a wide search does not delay exports.

use indexmap::IndexSet;
use parking_lot::Mutex;
use serde::Serialize;

use super::ids::TraceId;
use super::span_store::SpanStore;
use super::stored_span::{ListAttributes, StoredSpan};
use super::stored_trace::StoredTrace;
use super::timestamps;

/// Spans of the traces examined while the store is locked; about a millisecond.
const CHUNK: usize = 4_096;

/// Services and verdicts in the summary of a trace.
const NAMES_MAX: usize = 32;

/// Conditions for traces; all that are set must hold.
#[derive(Debug, Default)]
pub(crate) struct TraceFilter {
    /// A span is from this service.
    pub(crate) service: Option<String>,
    /// The name of a span contains this string.
    pub(crate) name: Option<String>,
    /// Whether a span has status error.
    pub(crate) failed: Option<bool>,
    pub(crate) min_duration_ms: Option<f64>,
    /// A span has this job id.
    pub(crate) job: Option<String>,
    /// A span has this attribute with this value, as text.
    pub(crate) attribute: Option<(String, String)>,
    /// Maximum number of traces; the newest are returned.
    pub(crate) limit: usize,
}

/// A trace in a list, in the JSON form of the API.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TraceSummary {
    pub(crate) trace_id: TraceId,
    pub(crate) root_service: String,
    pub(crate) root_name: String,
    pub(crate) start_unix_ms: u64,
    pub(crate) duration_ms: f64,
    #[serde(skip)]
    pub(crate) duration_ns: u64,
    pub(crate) span_count: usize,
    /// Whether a span has status error.
    pub(crate) error: bool,
    /// The first services; the others are counted in `more_services`.
    pub(crate) services: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) more_services: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job_id: Option<String>,
    #[serde(skip)]
    pub(crate) job_kind: Option<String>,
    /// The verdicts of its attempts, each once, in the order of arrival.
    #[serde(skip)]
    pub(crate) verdicts: Vec<String>,
}

/// The traces that match, newest first. The order is that of arrival, because clocks may differ.
pub(crate) fn search(spans: &Mutex<SpanStore>, filter: &TraceFilter) -> Vec<TraceSummary> {
    match &filter.job {
        Some(job) => of_job(&spans.lock(), job, filter),
        None => of_all(spans, filter),
    }
}

fn of_job(spans: &SpanStore, job: &str, filter: &TraceFilter) -> Vec<TraceSummary> {
    let traces = spans.of_job(job).into_iter();
    let found = traces.filter_map(|id| Some((id, spans.trace(id)?)));
    found
        .filter(|(_, trace)| filter.matches(trace))
        .take(filter.limit)
        .map(|(id, trace)| summary(id, trace))
        .collect()
}

fn of_all(spans: &Mutex<SpanStore>, filter: &TraceFilter) -> Vec<TraceSummary> {
    let mut found = Vec::new();
    let mut position = Some(u64::MAX);
    while let Some(before) = position.filter(|_| found.len() < filter.limit) {
        position = None;
        for (id, trace) in spans.lock().before(before, CHUNK) {
            position = Some(trace.arrived);
            if found.len() < filter.limit && filter.matches(trace) {
                found.push(summary(id, trace));
            }
        }
    }
    found
}

impl TraceFilter {
    /// Whether any condition but the limit is set.
    pub(crate) fn is_narrowed(&self) -> bool {
        let texts = [&self.service, &self.name, &self.job];
        texts.iter().any(|text| text.is_some())
            || self.failed.is_some()
            || self.min_duration_ms.is_some()
            || self.attribute.is_some()
    }

    fn matches(&self, trace: &StoredTrace) -> bool {
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

fn summary(id: TraceId, trace: &StoredTrace) -> TraceSummary {
    let (root, services) = (trace.root(), trace.services());
    TraceSummary {
        trace_id: id,
        root_service: root.map(|root| root.scope.service.to_string()).unwrap_or_default(),
        root_name: root.map(|root| root.with_name(str::to_owned)).unwrap_or_default(),
        start_unix_ms: timestamps::plausible(trace.start).unwrap_or_default() / 1_000_000,
        duration_ms: milliseconds(trace.duration()),
        duration_ns: trace.duration(),
        span_count: trace.spans.len(),
        error: trace.failed > 0,
        more_services: services.len().saturating_sub(NAMES_MAX),
        services: services.into_iter().take(NAMES_MAX).map(str::to_owned).collect(),
        job_id: trace.jobs.first().map(ToString::to_string),
        job_kind: list_attributes(trace)
            .find_map(|known| known.job_kind.as_deref())
            .map(str::to_owned),
        verdicts: verdicts(trace),
    }
}

fn verdicts(trace: &StoredTrace) -> Vec<String> {
    let verdicts: IndexSet<&str> =
        list_attributes(trace).filter_map(|known| known.verdict.as_deref()).collect();
    verdicts.into_iter().take(NAMES_MAX).map(str::to_owned).collect()
}

fn list_attributes(trace: &StoredTrace) -> impl Iterator<Item = &ListAttributes> {
    trace.spans.values().filter_map(StoredSpan::list_attributes)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde requires")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Nanoseconds as milliseconds, rounded down to a microsecond.
fn milliseconds(nanos: u64) -> f64 {
    (nanos / 1_000) as f64 / 1_000.0
}
