//! One trace: its spans, each once, and the fields computed from them.

use std::mem::size_of;
use std::sync::Arc;

use indexmap::map::Entry;
use indexmap::{IndexMap, IndexSet};

use super::ids::SpanId;
use super::limits::SignalLimit;
use super::rejection::ItemRejection;
use super::resource_scope::ResourceScope;
use super::stored_span::StoredSpan;

/// Spans of one trace: an endless loop must not evict all other traces.
const SPANS_OF_ONE_TRACE_MAX: usize = 10_000;

/// Memory of a trace besides its spans: this struct in a table that grows by doubling, its entries in two orders, and the
/// first allocations of its own tables, which have room for four spans.
const TRACE_OVERHEAD: usize = 2 * size_of::<StoredTrace>() + 4 * size_of::<StoredSpan>() + 256;

/// Memory of a job's index entries besides twice its id.
const JOB_OVERHEAD: usize = 128;

/// Memory of a trace's reference to a resource and scope, in a list that grows by doubling.
const REFERENCE_BYTES: usize = 2 * size_of::<Arc<ResourceScope>>();

/// Indexed jobs of one trace; in the lab a trace has one.
const JOBS_OF_ONE_TRACE_MAX: usize = 4;

/// Longest job id that is indexed, in bytes.
const JOB_ID_BYTES_MAX: usize = 128;

/// A trace in the store.
#[derive(Debug)]
pub(crate) struct StoredTrace {
    pub(crate) spans: IndexMap<SpanId, StoredSpan>,
    /// Earliest plausible start, nanoseconds since 1970; `u64::MAX` without any.
    pub(crate) start: u64,
    /// Latest plausible end, nanoseconds since 1970; 0 without any.
    pub(crate) end: u64,
    /// Spans with status error.
    pub(crate) failed: usize,
    pub(crate) jobs: Vec<Box<str>>,
    /// Approximate memory.
    pub(crate) bytes: usize,
    /// Position in the order of arrival.
    pub(crate) arrived: u64,
    /// Position in the order of the last change.
    pub(crate) changed: u64,
    scopes: Vec<Arc<ResourceScope>>,
}

/// How a span was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    New,
    /// An earlier copy was replaced: exporters repeat what was not acknowledged in time.
    Replaced,
}

impl StoredTrace {
    pub(crate) fn new(position: u64) -> Self {
        Self {
            spans: IndexMap::new(),
            start: u64::MAX,
            end: 0,
            failed: 0,
            jobs: Vec::new(),
            bytes: TRACE_OVERHEAD,
            arrived: position,
            changed: position,
            scopes: Vec::new(),
        }
    }

    /// Adds the span, or replaces its earlier copy unless that is more complete.
    pub(crate) fn add(
        &mut self,
        id: SpanId,
        span: StoredSpan,
        limit: &SignalLimit,
    ) -> Result<Added, ItemRejection> {
        let room = limit.items.min(SPANS_OF_ONE_TRACE_MAX);
        // Four traces always fit, so that one cannot evict all others.
        let bytes_max = limit.bytes / 4;
        if self.bytes + span.bytes() > bytes_max {
            return Err(ItemRejection::TraceTooLarge(bytes_max));
        }
        let full = self.spans.len() >= room;
        match self.spans.entry(id) {
            Entry::Vacant(_) if full => Err(ItemRejection::TooManySpans(room)),
            Entry::Vacant(free) => {
                if let Some((start, end)) = span.extent() {
                    self.start = self.start.min(start);
                    self.end = self.end.max(end);
                }
                self.failed += usize::from(span.failed);
                self.bytes += span.bytes();
                let scope = Arc::clone(&span.scope);
                free.insert(span);
                self.count_scope(scope);
                Ok(Added::New)
            }
            Entry::Occupied(taken) if span.is_less_complete_than(taken.get()) => {
                Ok(Added::Replaced)
            }
            Entry::Occupied(mut taken) => {
                self.bytes = self.bytes + span.bytes() - taken.get().bytes();
                let same = taken.get().outline() == span.outline();
                let scope = Arc::clone(&span.scope);
                taken.insert(span);
                self.count_scope(scope);
                if !same {
                    self.recompute();
                }
                Ok(Added::Replaced)
            }
        }
    }

    /// Adds a job of the trace; true if it is to be indexed.
    pub(crate) fn add_job(&mut self, job: &str) -> bool {
        let known = self.jobs.iter().any(|known| **known == *job);
        if known || self.jobs.len() >= JOBS_OF_ONE_TRACE_MAX || job.len() > JOB_ID_BYTES_MAX {
            return false;
        }
        self.jobs.push(job.into());
        self.bytes += JOB_OVERHEAD + 2 * job.len();
        true
    }

    /// The services, in the order of their first spans' arrival.
    pub(crate) fn services(&self) -> IndexSet<&str> {
        self.scopes.iter().map(|scope| &*scope.service).collect()
    }

    /// Whether one of its spans is from this service.
    pub(crate) fn has_service(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| *scope.service == *name)
    }

    /// The span without a parent; until it arrives, the earliest span.
    pub(crate) fn root(&self) -> Option<&StoredSpan> {
        self.spans.values().min_by_key(|span| {
            let start = span.extent().map_or(u64::MAX, |(start, _)| start);
            (!span.is_root, start)
        })
    }

    /// Duration so far, in nanoseconds.
    pub(crate) fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Resources and scopes count for each of their traces: too much rather than too little.
    fn count_scope(&mut self, scope: Arc<ResourceScope>) {
        if !self.scopes.iter().rev().any(|known| Arc::ptr_eq(known, &scope)) {
            self.bytes += scope.bytes + REFERENCE_BYTES;
            self.scopes.push(scope);
        }
    }

    fn recompute(&mut self) {
        (self.start, self.end) = (u64::MAX, 0);
        for (start, end) in self.spans.values().filter_map(StoredSpan::extent) {
            self.start = self.start.min(start);
            self.end = self.end.max(end);
        }
        self.failed = self.spans.values().filter(|span| span.failed).count();
    }
}
