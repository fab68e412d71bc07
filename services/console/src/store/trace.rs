//! One trace as it grows: its spans, each once, and what is known about the whole.

use std::sync::Arc;

use indexmap::IndexMap;
use indexmap::map::Entry;

use super::budget::Budget;
use super::ids::SpanId;
use super::origin::Origin;
use super::refused::Refused;
use super::span::StoredSpan;

/// Spans of one trace; a loop that never ends must not push everybody else out.
const SPANS_OF_ONE_TRACE_MAX: usize = 10_000;

/// Memory of a trace beyond its spans: this struct and its entries in the indexes.
const TRACE_OVERHEAD: usize = 512;

/// Jobs of one trace that can be searched for; in the lab a trace has one.
const JOBS_OF_ONE_TRACE_MAX: usize = 4;

/// Longest job id that can be searched for.
const JOB_ID_BYTES_MAX: usize = 128;

/// A trace in the store.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) spans: IndexMap<SpanId, StoredSpan>,
    /// Earliest start and latest end, nanoseconds since 1970.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Spans whose status is an error.
    pub(crate) failed: usize,
    pub(crate) jobs: Vec<Box<str>>,
    /// Memory it takes, about.
    pub(crate) bytes: usize,
    /// Its place in the order of arrival, and in the order of the last change.
    pub(crate) arrived: u64,
    pub(crate) changed: u64,
    origins: Vec<Arc<Origin>>,
}

/// What became of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    New,
    /// It was here already: exporters send again what was not answered in time.
    Replaced,
}

impl Trace {
    pub(crate) fn new(place: u64) -> Self {
        Self {
            spans: IndexMap::new(),
            start: u64::MAX,
            end: 0,
            failed: 0,
            jobs: Vec::new(),
            bytes: TRACE_OVERHEAD,
            arrived: place,
            changed: place,
            origins: Vec::new(),
        }
    }

    /// Adds the span, or puts it in the place of its earlier copy, unless that says more.
    pub(crate) fn add(
        &mut self,
        id: SpanId,
        span: StoredSpan,
        limit: &Budget,
    ) -> Result<Added, Refused> {
        let room = limit.items.min(SPANS_OF_ONE_TRACE_MAX);
        // Four traces always fit, so that one cannot empty the store.
        if self.bytes + span.bytes() > limit.bytes / 4 {
            return Err(Refused::TraceFull);
        }
        let full = self.spans.len() >= room;
        match self.spans.entry(id) {
            Entry::Vacant(_) if full => Err(Refused::TraceFull),
            Entry::Vacant(free) => {
                self.start = self.start.min(span.start);
                self.end = self.end.max(span.end);
                self.failed += usize::from(span.failed);
                self.bytes += span.bytes();
                let origin = Arc::clone(&span.origin);
                free.insert(span);
                self.charge(origin);
                Ok(Added::New)
            }
            Entry::Occupied(taken) if span.says_less_than(taken.get()) => Ok(Added::Replaced),
            Entry::Occupied(mut taken) => {
                self.bytes = self.bytes + span.bytes() - taken.get().bytes();
                let same = taken.get().outline() == span.outline();
                taken.insert(span);
                if !same {
                    self.measure();
                }
                Ok(Added::Replaced)
            }
        }
    }

    /// Remembers the job; true if it is new to this trace and should be searched for.
    pub(crate) fn works_for(&mut self, job: &str) -> bool {
        let known = self.jobs.iter().any(|known| **known == *job);
        if known || self.jobs.len() >= JOBS_OF_ONE_TRACE_MAX || job.len() > JOB_ID_BYTES_MAX {
            return false;
        }
        self.jobs.push(job.into());
        true
    }

    /// The services in the order they were first heard of.
    pub(crate) fn services(&self) -> Vec<&str> {
        let mut services: Vec<&str> = Vec::new();
        for origin in &self.origins {
            if !services.contains(&&*origin.service) {
                services.push(&origin.service);
            }
        }
        services
    }

    /// The span without a parent; while it has not arrived, the earliest one.
    pub(crate) fn root(&self) -> Option<&StoredSpan> {
        self.spans.values().min_by_key(|span| (!span.is_root, span.start))
    }

    /// How long it took so far, in nanoseconds; never negative.
    pub(crate) fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Each trace pays for its origins in full: too much rather than too little.
    fn charge(&mut self, origin: Arc<Origin>) {
        if !self.origins.iter().any(|known| Arc::ptr_eq(known, &origin)) {
            self.bytes += origin.bytes;
            self.origins.push(origin);
        }
    }

    fn measure(&mut self) {
        self.start = self.spans.values().map(|span| span.start).min().unwrap_or(u64::MAX);
        self.end = self.spans.values().map(|span| span.end).max().unwrap_or(0);
        self.failed = self.spans.values().filter(|span| span.failed).count();
    }
}
