//! Telemetry in memory: spans by trace, log lines, the latest point of every series and its history.
//!
//! Each signal has a limit in items and in bytes; the oldest items are evicted first, and counted. An item stays encoded,
//! in the canonical form of the `otlp` crate, and its memory is counted with everything that surrounds it. It is read and
//! checked before anything is locked.

pub(crate) mod attribute;
mod decoded_point;
mod encoded;
mod grouping;
mod history;
mod ids;
mod ingest;
mod limits;
mod log_store;
mod point;
mod rejection;
mod resource_scope;
mod search;
mod series_store;
mod span_store;
mod stats;
mod stored_line;
mod stored_span;
mod stored_trace;
pub(crate) mod timestamps;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use ::otlp::Export;
use opentelemetry_proto::tonic::trace::v1::TracesData;
use parking_lot::Mutex;

pub(crate) use ::otlp::Signal;
pub(crate) use decoded_point::{Distribution, SeriesValue};
pub(crate) use encoded::Encoded;
pub(crate) use grouping::Group;
pub(crate) use history::{SeenExemplar, Series, ValueRun, WINDOW_MS, rise};
pub(crate) use ids::{SpanId, TraceId};
pub(crate) use ingest::ExportRejection;
pub(crate) use limits::StoreLimits;
pub(crate) use log_store::{FoundLines, LogFilter};
pub(crate) use rejection::ItemRejections;
pub(crate) use resource_scope::ResourceScope;
pub(crate) use search::{TraceFilter, TraceSummary};
pub(crate) use stats::{StoreStats, StoreStatus};
pub(crate) use stored_line::{LogLine, least_severity};
pub(crate) use stored_span::decode as decode_span;

use log_store::LogStore;
use resource_scope::ResourceScopes;
use series_store::SeriesStore;
use span_store::SpanStore;
use stored_span::StoredSpan;

/// The first spans of a trace, by start.
#[derive(Debug)]
pub(crate) struct FirstSpans {
    /// The earliest first, each encoded and with its resource and scope; spans without a start come last.
    pub(crate) spans: Vec<(Arc<ResourceScope>, Encoded)>,
    /// Number of all spans of the trace.
    pub(crate) count: usize,
    /// Number of all spans of the trace with status error.
    pub(crate) failed: usize,
    /// Earliest start and latest end of all spans, implausible times ignored.
    pub(crate) extent: Option<(u64, u64)>,
}

/// The stores of all signals. A call waits only for another call.
///
/// Each store is in a valid state after every step, so that a panic in one request does not affect the next.
#[derive(Debug)]
pub(crate) struct Store {
    scopes: Mutex<ResourceScopes>,
    spans: Mutex<SpanStore>,
    logs: Mutex<LogStore>,
    series: Mutex<SeriesStore>,
    exports_rejected: AtomicU64,
    created: Instant,
}

impl Store {
    pub(crate) fn new(limits: StoreLimits) -> Self {
        let limits = limits.per_signal();
        Self {
            scopes: Mutex::default(),
            spans: Mutex::new(SpanStore::new(limits.spans)),
            logs: Mutex::new(LogStore::new(limits.logs)),
            series: Mutex::new(SeriesStore::new(limits.series)),
            exports_rejected: AtomicU64::new(0),
            created: Instant::now(),
        }
    }

    /// Stores an encoded export. An error means that none of its items was stored.
    pub(crate) fn take(
        &self,
        signal: Signal,
        wire: &[u8],
    ) -> Result<ItemRejections, ExportRejection> {
        let export = Export::open(wire)?;
        match signal {
            Signal::Traces => ingest::spans(export, &self.scopes, &self.spans),
            Signal::Logs => ingest::log_records(export, &self.scopes, &self.logs),
            Signal::Metrics => ingest::points(export, &self.scopes, &self.series, || self.now()),
        }
    }

    /// Counts an export that was rejected as a whole; returns how many there were before.
    pub(crate) fn count_rejected_export(&self) -> u64 {
        self.exports_rejected.fetch_add(1, Relaxed)
    }

    /// The earliest spans of a trace, at most `max`; `None` if the trace is not in the store.
    pub(crate) fn first_spans(&self, id: TraceId, max: usize) -> Option<FirstSpans> {
        let spans = self.spans.lock();
        let trace = spans.trace(id)?;
        let start = |span: &&StoredSpan| span.extent().map_or(u64::MAX, |(start, _)| start);
        let mut first: Vec<_> = trace.spans.values().collect();
        first.sort_by_key(start);
        first.truncate(max);
        let first = first.into_iter().map(|span| (Arc::clone(&span.scope), span.wire()));
        Some(FirstSpans {
            spans: first.collect(),
            count: trace.spans.len(),
            failed: trace.failed,
            extent: (trace.start <= trace.end).then_some((trace.start, trace.end)),
        })
    }

    /// The earliest spans of a trace as an OTLP message.
    pub(crate) fn trace_as_otlp(&self, id: TraceId, max: usize) -> Option<TracesData> {
        let first = self.first_spans(id, max)?.spans.into_iter();
        Some(grouping::traces(
            first.map(|(scope, wire)| (scope, decode_span(&wire.bytes()))).collect(),
        ))
    }

    /// The ids of a trace's spans, by resource and scope; `None` if the trace is not in the store.
    pub(crate) fn span_ids(&self, id: TraceId) -> Option<Vec<Group<SpanId>>> {
        let spans = self.spans.lock();
        let spans = spans.trace(id)?.spans.iter();
        Some(grouping::grouped(spans.map(|(id, span)| (Arc::clone(&span.scope), *id))))
    }

    /// One encoded span; `None` if it was evicted.
    pub(crate) fn span(&self, trace: TraceId, span: SpanId) -> Option<Encoded> {
        Some(self.spans.lock().trace(trace)?.spans.get(&span)?.wire())
    }

    /// Whether the store has the trace, and the span in it.
    pub(crate) fn has(&self, trace: TraceId, span: Option<SpanId>) -> bool {
        let spans = self.spans.lock();
        let trace = spans.trace(trace);
        trace.is_some_and(|trace| span.is_none_or(|span| trace.spans.contains_key(&span)))
    }

    /// The traces that match the filter, newest first.
    pub(crate) fn search(&self, filter: &TraceFilter) -> Vec<TraceSummary> {
        search::search(&self.spans, filter)
    }

    /// The newest trace of a job.
    pub(crate) fn trace_of_job(&self, job: &str) -> Option<TraceId> {
        self.spans.lock().of_job(job).first().copied()
    }

    /// The log lines that match the filter, newest first.
    pub(crate) fn logs(&self, mut filter: LogFilter) -> FoundLines {
        if let Some(job) = &filter.job {
            filter.job_traces = self.spans.lock().of_job(job).into_iter().collect();
        }
        log_store::search(&self.logs, &filter)
    }

    /// The keys of the series of one service (or of all) whose metric name contains `name`, by resource and scope.
    pub(crate) fn series_keys(
        &self,
        service: Option<&str>,
        name: Option<&str>,
    ) -> Vec<Group<Arc<[u8]>>> {
        self.series.lock().latest(service, name)
    }

    /// The latest point of a series as an encoded metric; `None` if the series was evicted.
    pub(crate) fn metric(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.series.lock().metric(key)
    }

    /// Every series of the metric called `name`, with its history.
    pub(crate) fn series(&self, name: &str) -> Vec<Series> {
        self.series.lock().series(name)
    }

    /// The exemplars of a trace and those observed at `since` (Unix nanoseconds, true time) or later, oldest first,
    /// without those of the metric called `except`.
    pub(crate) fn exemplars(&self, trace: TraceId, since: u64, except: &str) -> Vec<SeenExemplar> {
        let matches = |seen: &SeenExemplar| seen.trace == trace || seen.at >= since;
        let mut found = self.series.lock().exemplars(except, matches);
        found.sort_by_key(|seen| seen.at);
        found
    }

    /// The store's time in milliseconds, which histories use. It starts at [`WINDOW_MS`], so that a window into the past
    /// never starts below zero.
    pub(crate) fn now(&self) -> u64 {
        WINDOW_MS + u64::try_from(self.created.elapsed().as_millis()).unwrap_or(u64::MAX / 2)
    }

    /// How full the store is.
    pub(crate) fn status(&self) -> StoreStatus {
        let spans = self.spans.lock();
        StoreStatus {
            spans: spans.stats(),
            traces: spans.traces(),
            logs: self.logs.lock().stats(),
            metric_points: self.series.lock().stats(),
            exports_refused: self.exports_rejected.load(Relaxed),
        }
    }
}
