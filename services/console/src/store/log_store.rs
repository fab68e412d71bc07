//! The log lines in the order of arrival, with an index by trace. The oldest are evicted first.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

use super::ids::TraceId;
use super::limits::SignalLimit;
use super::stats::{StoreCounts, StoreStats};
use super::stored_line::{LogLine, StoredLine};

/// Lines examined while the store is locked.
const CHUNK: usize = 1_024;

/// Encoded bytes of the lines that one search returns.
const FOUND_BYTES_MAX: usize = 2 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct LogStore {
    limit: SignalLimit,
    lines: VecDeque<KeptLine>,
    /// The number of the first line in `lines`; later lines have the numbers that follow.
    first: u64,
    by_trace: HashMap<TraceId, VecDeque<u64>>,
    bytes: usize,
    counts: StoreCounts,
}

#[derive(Debug)]
struct KeptLine {
    line: StoredLine,
    bytes: usize,
}

/// Conditions for log lines; all that are set must hold.
#[derive(Debug, Default)]
pub(crate) struct LogFilter {
    pub(crate) trace: Option<TraceId>,
    pub(crate) service: Option<String>,
    /// The least severity number.
    pub(crate) severity: Option<u8>,
    /// The line has this job id, or belongs to one of the job's traces.
    pub(crate) job: Option<String>,
    /// The traces of that job.
    pub(crate) job_traces: HashSet<TraceId>,
    /// The body or the event name contains this string.
    pub(crate) contains: Option<String>,
    /// Maximum number of lines; the newest are returned.
    pub(crate) limit: usize,
}

/// The result of a search.
#[derive(Debug)]
pub(crate) struct FoundLines {
    /// Newest first.
    pub(crate) lines: Vec<LogLine>,
    /// More lines match, but together they are too long.
    pub(crate) is_truncated: bool,
}

impl LogStore {
    pub(crate) fn new(limit: SignalLimit) -> Self {
        Self {
            limit,
            lines: VecDeque::new(),
            first: 0,
            by_trace: HashMap::new(),
            bytes: 0,
            counts: StoreCounts::default(),
        }
    }

    pub(crate) fn add(&mut self, batch: Vec<StoredLine>) {
        for line in batch {
            self.counts.received += 1;
            if let Some(trace) = line.trace {
                let number = self.first + self.lines.len() as u64;
                self.by_trace.entry(trace).or_default().push_back(number);
            }
            let bytes = line.bytes() + self.scope_bytes(&line);
            self.bytes += bytes;
            self.lines.push_back(KeptLine { line, bytes });
            while self.limit.is_exceeded(self.lines.len(), self.bytes) && self.evict() {}
        }
    }

    /// Counts lines that were rejected before they were added.
    pub(crate) fn count_rejected(&mut self, lines: u64) {
        self.counts.received += lines;
        self.counts.rejected += lines;
    }

    pub(crate) fn stats(&self) -> StoreStats {
        let counts = StoreCounts { stored: self.lines.len() as u64, ..self.counts };
        StoreStats { counts, bytes: self.bytes, limit: self.limit }
    }

    /// Resource and scope count for the first of several successive lines that share them.
    fn scope_bytes(&self, line: &StoredLine) -> usize {
        match self.lines.back() {
            Some(last) if Arc::ptr_eq(&last.line.scope, &line.scope) => 0,
            _ => line.scope.bytes,
        }
    }

    fn evict(&mut self) -> bool {
        let Some(KeptLine { line, bytes }) = self.lines.pop_front() else { return false };
        self.first += 1;
        self.bytes -= bytes;
        self.counts.evicted += 1;
        if let Some(trace) = line.trace
            && let Some(numbers) = self.by_trace.get_mut(&trace)
        {
            numbers.pop_front();
            if numbers.is_empty() {
                self.by_trace.remove(&trace);
            }
        }
        true
    }

    fn line(&self, number: u64) -> Option<&StoredLine> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.lines.get(index).map(|kept| &kept.line)
    }

    /// The matching ones of `CHUNK` lines before this number, newest first, and the number to continue from.
    fn before(&self, number: u64, filter: &LogFilter) -> (Vec<StoredLine>, Option<u64>) {
        let mut end = number.min(self.first + self.lines.len() as u64);
        let from = end.saturating_sub(CHUNK as u64).max(self.first);
        let mut found = Vec::new();
        while end > from {
            end -= 1;
            found.extend(self.line(end).filter(|line| filter.matches(line)).cloned());
        }
        (found, (from > self.first).then_some(from))
    }

    fn of_trace(&self, trace: TraceId, filter: &LogFilter) -> Vec<StoredLine> {
        let numbers = self.by_trace.get(&trace).into_iter().flatten().rev();
        let lines = numbers.filter_map(|number| self.line(*number));
        lines.filter(|line| filter.matches(line)).take(filter.limit).cloned().collect()
    }
}

/// The newest lines that match, newest first; fewer than requested if they are long. Locks the store for a chunk of lines
/// at a time.
pub(crate) fn search(logs: &Mutex<LogStore>, filter: &LogFilter) -> FoundLines {
    let mut found = Vec::new();
    if let Some(trace) = filter.trace {
        found = logs.lock().of_trace(trace, filter);
    } else {
        let mut position = Some(u64::MAX);
        while let Some(before) = position.filter(|_| found.len() < filter.limit) {
            let (lines, next) = logs.lock().before(before, filter);
            found.extend(lines);
            position = next;
        }
    }
    found.truncate(filter.limit);
    let (all, mut bytes) = (found.len(), 0);
    let fits = |line: &&StoredLine| {
        bytes += line.length();
        bytes <= FOUND_BYTES_MAX
    };
    let lines: Vec<_> = found.iter().take_while(fits).map(StoredLine::decode).collect();
    FoundLines { is_truncated: lines.len() < all, lines }
}

impl LogFilter {
    fn matches(&self, line: &StoredLine) -> bool {
        self.severity.is_none_or(|least| line.severity >= least)
            && self.service.as_ref().is_none_or(|service| **service == *line.scope.service)
            && self.job.as_ref().is_none_or(|job| {
                line.trace.is_some_and(|trace| self.job_traces.contains(&trace))
                    || line.has_job(job)
            })
            && self.contains.as_ref().is_none_or(|text| line.contains(text))
    }
}
