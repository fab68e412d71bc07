//! What a lab shows of itself, as plain values: the trace of a job, and the metrics of a service. No I/O.
//!
//! - [`Trace::from_otlp`], [`Span`]: lenient parsing of a trace as OTLP JSON
//! - [`rows`]: the spans as a tree, from the first root to the last leaf
//! - [`Completeness`]: whether the trace of a job is complete
//! - [`openmetrics`]: strict parsing of OpenMetrics text

pub mod openmetrics;

mod completeness;
mod find;
mod otlp_json;
mod span;
mod tree;

pub use completeness::{Completeness, MissingParent, RootSpan, completeness};
pub use span::{Span, SpanKind, SpanLink};
pub use tree::{TreePlace, TreeRow, rows};

/// The spans of one trace, each once, the earliest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// The spans.
    pub spans: Vec<Span>,
    /// Spans with the id of another one.
    pub repeated: usize,
    /// Entries that are no spans: they have no id.
    pub unreadable: usize,
}

impl Trace {
    /// The earliest start; Unix nanoseconds, 0 without spans.
    pub fn start_ns(&self) -> u64 {
        self.spans.iter().map(|span| span.start_ns).min().unwrap_or(0)
    }

    /// From the earliest start to the latest end, in nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        let end = self.spans.iter().map(Span::shown_end_ns).max();
        end.unwrap_or(0).saturating_sub(self.start_ns())
    }
}
