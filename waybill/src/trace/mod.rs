//! A trace as plain values: parsed from OTLP JSON, ordered, and checked for completeness.
//!
//! No I/O.
//!
//! - [`Trace::from_otlp`], [`Span`]: lenient parsing
//! - [`rows`]: the spans as a tree, from the first root to the last leaf
//! - [`completeness`]: whether the trace of a job is complete

mod complete;
mod otlp;
mod span;
mod tree;

pub use complete::{Completeness, MissingParent, completeness};
pub use span::{Kind, Span};
pub use tree::{Place, Row, rows};

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

    /// The services, each once, in order of appearance.
    pub fn services(&self) -> Vec<&str> {
        let mut services: Vec<&str> = Vec::new();
        for span in &self.spans {
            if !services.contains(&span.service.as_str()) {
                services.push(&span.service);
            }
        }
        services
    }
}
