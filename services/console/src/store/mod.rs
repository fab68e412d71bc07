//! What the console remembers: spans by trace, log lines, the latest point of every series and its history.
//!
//! Everything lives in memory and has a limit in number and in bytes; the oldest leaves first and is counted. What is
//! kept stays encoded, in the canonical form of the `otlp` crate, and is charged for with what surrounds it. An item is
//! read and checked before anything is locked.

pub(crate) mod attribute;
mod budget;
mod counts;
mod encoded;
mod groups;
mod history;
mod ids;
mod ingest;
mod log_line;
mod logs;
mod origin;
mod point;
mod points;
mod refused;
mod sample;
mod search;
mod span;
mod spans;
pub(crate) mod times;
mod trace;

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ::otlp::Export;
use opentelemetry_proto::tonic::trace::v1::TracesData;
use serde::Serialize;

pub(crate) use ::otlp::Signal;
pub(crate) use budget::Budgets;
pub(crate) use counts::StoreStats;
pub(crate) use encoded::Encoded;
pub(crate) use groups::Group;
pub(crate) use history::{Dot, Run, Series, WINDOW_MS, rise};
pub(crate) use ids::{SpanId, TraceId};
pub(crate) use ingest::NotTaken;
pub(crate) use log_line::{LogLine, least_severity};
pub(crate) use logs::{FoundLines, LogFilter};
pub(crate) use origin::Origin;
pub(crate) use refused::Refusals;
pub(crate) use sample::{Distribution, Value};
pub(crate) use search::{TraceFilter, TraceSummary};
pub(crate) use span::decode as decode_span;

use logs::Logs;
use origin::Origins;
use points::Points;
use span::StoredSpan;
use spans::Spans;

/// How full the stores are and what passed through them.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) spans: StoreStats,
    /// Traces that are here now.
    pub(crate) traces: usize,
    pub(crate) logs: StoreStats,
    pub(crate) metric_points: StoreStats,
    /// Exports of which nothing was taken.
    pub(crate) exports_refused: u64,
}

/// The beginning of a trace.
#[derive(Debug)]
pub(crate) struct FirstSpans {
    /// The earliest first, each encoded and with who sent it; those without a time come last.
    pub(crate) spans: Vec<(Arc<Origin>, Encoded)>,
    /// All spans of the trace, and those of them that failed.
    pub(crate) count: usize,
    pub(crate) failed: usize,
    /// Earliest start and latest end of all of them, as far as they can be believed.
    pub(crate) extent: Option<(u64, u64)>,
}

/// The stores of all signals. Cheap calls; none waits for anything but another call.
#[derive(Debug)]
pub(crate) struct Store {
    origins: Mutex<Origins>,
    spans: Mutex<Spans>,
    logs: Mutex<Logs>,
    points: Mutex<Points>,
    exports_refused: AtomicU64,
    made: Instant,
}

impl Store {
    pub(crate) fn new(budgets: Budgets) -> Self {
        Self {
            origins: Mutex::default(),
            spans: Mutex::new(Spans::new(budgets.spans)),
            logs: Mutex::new(Logs::new(budgets.logs)),
            points: Mutex::new(Points::new(budgets.points)),
            exports_refused: AtomicU64::new(0),
            made: Instant::now(),
        }
    }

    /// Takes an encoded export. An error means that nothing of it was taken.
    pub(crate) fn take(&self, signal: Signal, wire: &[u8]) -> Result<Refusals, NotTaken> {
        let export = Export::open(wire)?;
        match signal {
            Signal::Traces => self.take_spans(export),
            Signal::Logs => self.take_logs(export),
            Signal::Metrics => self.take_points(export),
        }
    }

    /// Counts an export of which nothing was taken; says how many there were before.
    pub(crate) fn refuse_export(&self) -> u64 {
        self.exports_refused.fetch_add(1, Relaxed)
    }

    /// The earliest spans of a trace, `max` at most; `None` if it is not here.
    pub(crate) fn first_spans(&self, id: TraceId, max: usize) -> Option<FirstSpans> {
        let spans = lock(&self.spans);
        let trace = spans.trace(id)?;
        let start = |span: &&StoredSpan| span.extent().map_or(u64::MAX, |(start, _)| start);
        let mut first: Vec<_> = trace.spans.values().collect();
        first.sort_by_key(start);
        first.truncate(max);
        let first = first.into_iter().map(|span| (Arc::clone(&span.origin), span.wire()));
        Some(FirstSpans {
            spans: first.collect(),
            count: trace.spans.len(),
            failed: trace.failed,
            extent: (trace.start <= trace.end).then_some((trace.start, trace.end)),
        })
    }

    /// The same as an OTLP message.
    pub(crate) fn trace_as_otlp(&self, id: TraceId, max: usize) -> Option<TracesData> {
        let first = self.first_spans(id, max)?.spans.into_iter();
        Some(groups::traces(
            first.map(|(origin, wire)| (origin, span::decode(&wire.bytes()))).collect(),
        ))
    }

    /// The ids of a trace's spans by who sent them; `None` if it is not here.
    pub(crate) fn span_ids(&self, id: TraceId) -> Option<Vec<Group<SpanId>>> {
        let spans = lock(&self.spans);
        let spans = spans.trace(id)?.spans.iter();
        Some(groups::grouped(spans.map(|(id, span)| (Arc::clone(&span.origin), *id))))
    }

    /// One span, encoded, if it is still here.
    pub(crate) fn span(&self, trace: TraceId, span: SpanId) -> Option<Encoded> {
        Some(lock(&self.spans).trace(trace)?.spans.get(&span)?.wire())
    }

    /// Whether the trace is here, and the span in it.
    pub(crate) fn has(&self, trace: TraceId, span: Option<SpanId>) -> bool {
        let spans = lock(&self.spans);
        let trace = spans.trace(trace);
        trace.is_some_and(|trace| span.is_none_or(|span| trace.spans.contains_key(&span)))
    }

    /// The newest traces that pass the filter, newest first.
    pub(crate) fn search(&self, filter: &TraceFilter) -> Vec<TraceSummary> {
        search::search(&self.spans, filter)
    }

    /// The newest trace of a job.
    pub(crate) fn trace_of_job(&self, job: &str) -> Option<TraceId> {
        lock(&self.spans).of_job(job).first().copied()
    }

    /// The newest log lines that pass the filter, newest first.
    pub(crate) fn logs(&self, mut filter: LogFilter) -> FoundLines {
        if let Some(job) = &filter.job {
            filter.job_traces = lock(&self.spans).of_job(job).into_iter().collect();
        }
        logs::search(&self.logs, &filter)
    }

    /// The keys of the series of a service (or of all) whose metric's name has this text in it, by who sent them.
    pub(crate) fn series_keys(
        &self,
        service: Option<&str>,
        name: Option<&str>,
    ) -> Vec<Group<Arc<[u8]>>> {
        lock(&self.points).latest(service, name)
    }

    /// The latest point of a series as an encoded metric, if it is still here.
    pub(crate) fn metric(&self, key: &[u8]) -> Option<Vec<u8>> {
        lock(&self.points).metric(key)
    }

    /// Every series of the metric called `name`, with its history.
    pub(crate) fn series(&self, name: &str) -> Vec<Series> {
        lock(&self.points).series(name)
    }

    /// The exemplars of a trace, and those made at `since` (Unix nanoseconds, true time) or later, oldest
    /// first; those of the metric called `except` left out.
    pub(crate) fn exemplars(&self, trace: TraceId, since: u64, except: &str) -> Vec<Dot> {
        let passes = |dot: &Dot| dot.trace == trace || dot.at >= since;
        let mut found = lock(&self.points).dots(except, passes);
        found.sort_by_key(|dot| dot.at);
        found
    }

    /// Milliseconds, [`WINDOW_MS`] when the store was made, so that a window into the past never begins
    /// below zero: the time that histories speak of.
    pub(crate) fn now(&self) -> u64 {
        WINDOW_MS + u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX / 2)
    }

    /// How full the stores are.
    pub(crate) fn status(&self) -> Status {
        let spans = lock(&self.spans);
        Status {
            spans: spans.standing(),
            traces: spans.traces(),
            logs: lock(&self.logs).standing(),
            metric_points: lock(&self.points).standing(),
            exports_refused: self.exports_refused.load(Relaxed),
        }
    }
}

/// A panic in one request must not end the console: the stores hold whole values at every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
