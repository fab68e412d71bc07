//! The log lines, in the order they arrived, the oldest out first; with an index by trace.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};

use super::budget::Budget;
use super::counts::{Counts, StoreStats};
use super::ids::TraceId;
use super::lock;
use super::log_line::{LogLine, StoredLine};

/// Lines looked at while the store is held.
const CHUNK: usize = 1_024;

/// Bytes of the lines of one answer, encoded.
const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The lines and where those of a trace are.
#[derive(Debug)]
pub(crate) struct Logs {
    limit: Budget,
    lines: VecDeque<Kept>,
    /// The number of the first line in `lines`.
    first: u64,
    by_trace: HashMap<TraceId, VecDeque<u64>>,
    bytes: usize,
    counts: Counts,
}

#[derive(Debug)]
struct Kept {
    line: StoredLine,
    bytes: usize,
}

/// What a line must be like. Everything that is set must hold.
#[derive(Debug, Default)]
pub(crate) struct LogFilter {
    pub(crate) trace: Option<TraceId>,
    pub(crate) service: Option<String>,
    /// At least this severe.
    pub(crate) severity: Option<u8>,
    /// It names this job, or belongs to one of the job's traces.
    pub(crate) job: Option<String>,
    /// The traces of that job.
    pub(crate) job_traces: HashSet<TraceId>,
    /// Its body has this text in it.
    pub(crate) contains: Option<String>,
    /// At most this many, the newest.
    pub(crate) limit: usize,
}

/// What a search found.
#[derive(Debug)]
pub(crate) struct FoundLines {
    /// The newest first.
    pub(crate) lines: Vec<LogLine>,
    /// There are more: together they are too long for one answer.
    pub(crate) is_cut: bool,
}

impl Logs {
    pub(crate) fn new(limit: Budget) -> Self {
        Self {
            limit,
            lines: VecDeque::new(),
            first: 0,
            by_trace: HashMap::new(),
            bytes: 0,
            counts: Counts::default(),
        }
    }

    /// Takes the lines of one export.
    pub(crate) fn add(&mut self, batch: Vec<StoredLine>) {
        for line in batch {
            self.counts.received += 1;
            if let Some(trace) = line.trace {
                let number = self.first + self.lines.len() as u64;
                self.by_trace.entry(trace).or_default().push_back(number);
            }
            let bytes = line.bytes() + self.origin_bytes(&line);
            self.bytes += bytes;
            self.lines.push_back(Kept { line, bytes });
            while self.limit.is_passed(self.lines.len(), self.bytes) && self.evict() {}
        }
    }

    /// Counts lines that were refused before they got here.
    pub(crate) fn refuse(&mut self, lines: u64) {
        self.counts.received += lines;
        self.counts.rejected += lines;
    }

    pub(crate) fn standing(&self) -> StoreStats {
        let counts = Counts { stored: self.lines.len() as u64, ..self.counts };
        StoreStats { counts, bytes: self.bytes, limit: self.limit }
    }

    /// The first of a run of lines from one origin pays for the origin, which so is paid for while it is kept.
    fn origin_bytes(&self, line: &StoredLine) -> usize {
        match self.lines.back() {
            Some(last) if Arc::ptr_eq(&last.line.origin, &line.origin) => 0,
            _ => line.origin.bytes,
        }
    }

    fn evict(&mut self) -> bool {
        let Some(Kept { line, bytes }) = self.lines.pop_front() else { return false };
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

    /// At most `CHUNK` lines before this number, newest first, and where to go on.
    fn before(&self, number: u64, filter: &LogFilter) -> (Vec<StoredLine>, Option<u64>) {
        let mut end = number.min(self.first + self.lines.len() as u64);
        let from = end.saturating_sub(CHUNK as u64).max(self.first);
        let mut found = Vec::new();
        while end > from {
            end -= 1;
            found.extend(self.line(end).filter(|line| filter.passes(line)).cloned());
        }
        (found, (from > self.first).then_some(from))
    }

    fn of_trace(&self, trace: TraceId, filter: &LogFilter) -> Vec<StoredLine> {
        let numbers = self.by_trace.get(&trace).into_iter().flatten().rev();
        let lines = numbers.filter_map(|number| self.line(*number));
        lines.filter(|line| filter.passes(line)).take(filter.limit).cloned().collect()
    }
}

/// The newest lines that match, newest first; fewer than requested if they are long.
pub(crate) fn search(logs: &Mutex<Logs>, filter: &LogFilter) -> FoundLines {
    let mut found = Vec::new();
    if let Some(trace) = filter.trace {
        found = lock(logs).of_trace(trace, filter);
    } else {
        let mut place = Some(u64::MAX);
        while let Some(before) = place.filter(|_| found.len() < filter.limit) {
            let (lines, next) = lock(logs).before(before, filter);
            found.extend(lines);
            place = next;
        }
    }
    found.truncate(filter.limit);
    let (all, mut bytes) = (found.len(), 0);
    let fits = |line: &&StoredLine| {
        bytes += line.length();
        bytes <= ANSWER_BYTES_MAX
    };
    let lines: Vec<_> = found.iter().take_while(fits).map(StoredLine::decode).collect();
    FoundLines { is_cut: lines.len() < all, lines }
}

impl LogFilter {
    fn passes(&self, line: &StoredLine) -> bool {
        self.severity.is_none_or(|least| line.severity >= least)
            && self.service.as_ref().is_none_or(|service| **service == *line.origin.service)
            && self.job.as_ref().is_none_or(|job| {
                line.trace.is_some_and(|trace| self.job_traces.contains(&trace))
                    || line.names_job(job)
            })
            && self.contains.as_ref().is_none_or(|text| line.says(text))
    }
}
