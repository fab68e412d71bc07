//! One trace as it grows: its spans, each once, and what is known about the whole.

use std::mem::size_of;
use std::sync::Arc;

use indexmap::map::Entry;
use indexmap::{IndexMap, IndexSet};

use super::budget::Budget;
use super::ids::SpanId;
use super::origin::Origin;
use super::refused::Refused;
use super::span::StoredSpan;

/// Spans of one trace; a loop that never ends must not push everybody else out.
const SPANS_OF_ONE_TRACE_MAX: usize = 10_000;

/// Memory of a trace beyond its spans: this struct in a table that grows by doubling, its entries in two orders, and the
/// first allocations of its own tables, which have room for four spans.
const TRACE_OVERHEAD: usize = 2 * size_of::<Trace>() + 4 * size_of::<StoredSpan>() + 256;

/// Memory of a job's entries beyond twice its name.
const JOB_OVERHEAD: usize = 128;

/// Memory of a trace's reference to an origin, in a list that grows by doubling.
const REFERENCE_BYTES: usize = 2 * size_of::<Arc<Origin>>();

/// Jobs of one trace that can be searched for; in the lab a trace has one.
const JOBS_OF_ONE_TRACE_MAX: usize = 4;

/// Longest job id that can be searched for.
const JOB_ID_BYTES_MAX: usize = 128;

/// A trace in the store.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) spans: IndexMap<SpanId, StoredSpan>,
    /// Earliest start and latest end that can be believed, nanoseconds since 1970; the greatest and 0 without any.
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
                if let Some((start, end)) = span.extent() {
                    self.start = self.start.min(start);
                    self.end = self.end.max(end);
                }
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
                let origin = Arc::clone(&span.origin);
                taken.insert(span);
                self.charge(origin);
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
        self.bytes += JOB_OVERHEAD + 2 * job.len();
        true
    }

    /// The services in the order they were first heard of.
    pub(crate) fn services(&self) -> IndexSet<&str> {
        self.origins.iter().map(|origin| &*origin.service).collect()
    }

    /// Whether a span of it comes from this service.
    pub(crate) fn has_service(&self, name: &str) -> bool {
        self.origins.iter().any(|origin| *origin.service == *name)
    }

    /// The span without a parent; while it has not arrived, the earliest one.
    pub(crate) fn root(&self) -> Option<&StoredSpan> {
        self.spans.values().min_by_key(|span| {
            let start = span.extent().map_or(u64::MAX, |(start, _)| start);
            (!span.is_root, start)
        })
    }

    /// How long it took so far, in nanoseconds; never negative.
    pub(crate) fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Each trace pays for its origins in full: too much rather than too little.
    fn charge(&mut self, origin: Arc<Origin>) {
        if !self.origins.iter().rev().any(|known| Arc::ptr_eq(known, &origin)) {
            self.bytes += origin.bytes + REFERENCE_BYTES;
            self.origins.push(origin);
        }
    }

    fn measure(&mut self) {
        (self.start, self.end) = (u64::MAX, 0);
        for (start, end) in self.spans.values().filter_map(StoredSpan::extent) {
            self.start = self.start.min(start);
            self.end = self.end.max(end);
        }
        self.failed = self.spans.values().filter(|span| span.failed).count();
    }
}
