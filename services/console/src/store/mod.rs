//! What the console remembers: spans by trace, log lines, the latest point of every series and its history.
//!
//! Everything lives in memory and has a limit in number and in bytes; the oldest leaves first and is counted.
//! An export is read and checked before anything is locked, and is taken whole or, if malformed, not at all.

pub(crate) mod attribute;
mod budget;
mod counts;
mod history;
mod ids;
mod log_line;
mod logs;
mod origin;
mod otlp;
mod point;
mod points;
mod protobuf;
mod refused;
mod sample;
mod schema;
mod search;
mod span;
mod spans;
mod take;
mod trace;

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use opentelemetry_proto::tonic::metrics::v1::MetricsData;
use opentelemetry_proto::tonic::trace::v1::{Span, TracesData};
use serde::Serialize;

pub(crate) use budget::Budgets;
pub(crate) use counts::Standing;
pub(crate) use history::{Dot, Run, Series, WINDOW_MS, rise};
pub(crate) use ids::{SpanId, TraceId};
pub(crate) use log_line::{LogLine, least_severity};
pub(crate) use logs::LogFilter;
pub(crate) use origin::Origin;
pub(crate) use protobuf::Malformed;
pub(crate) use refused::Refusals;
pub(crate) use sample::{Distribution, Value};
pub(crate) use search::{TraceFilter, TraceSummary};
pub(crate) use take::NotTaken;

use crate::export::Export;
use logs::Logs;
use origin::Origins;
use points::Points;
use span::StoredSpan;
use spans::Spans;

/// The three kinds of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Logs,
    Metrics,
}

/// How full the stores are and what passed through them.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) spans: Standing,
    /// Traces that are here now.
    pub(crate) traces: usize,
    pub(crate) logs: Standing,
    pub(crate) metric_points: Standing,
    /// Exports of which nothing was taken.
    pub(crate) exports_refused: u64,
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

    /// Takes an export. An error means that nothing of it was taken.
    pub(crate) fn take(&self, signal: Signal, export: &Export) -> Result<Refusals, NotTaken> {
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

    /// The spans of a trace with who sent them, in the order they arrived; empty if it is not here.
    pub(crate) fn trace(&self, id: TraceId) -> Vec<(Arc<Origin>, Span)> {
        let shared: Vec<_> = match lock(&self.spans).trace(id) {
            Some(trace) => trace.spans.values().map(StoredSpan::share).collect(),
            None => Vec::new(),
        };
        shared.into_iter().map(|(origin, wire)| (origin, span::decode(&wire))).collect()
    }

    /// The same as an OTLP message.
    pub(crate) fn trace_as_otlp(&self, id: TraceId) -> Option<TracesData> {
        let spans = self.trace(id);
        (!spans.is_empty()).then(|| otlp::traces(spans))
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
    pub(crate) fn logs(&self, mut filter: LogFilter) -> Vec<LogLine> {
        if let Some(job) = &filter.job {
            filter.job_traces = lock(&self.spans).of_job(job);
        }
        logs::search(&self.logs, &filter)
    }

    /// The latest points of a service (or of all) whose metric's name has this text in it.
    pub(crate) fn metrics(&self, service: Option<&str>, name: Option<&str>) -> MetricsData {
        let latest = lock(&self.points).latest(service, name);
        otlp::metrics(latest)
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
