//! A trace as plain values: read from OTLP in its JSON form, put in order, checked for holes.
//!
//! Nothing here does I/O or prints.
//!
//! - [`Trace::from_otlp`], [`Span`]: reading, whatever is handed in
//! - [`rows`]: the spans as a tree, from the first root to the last leaf
//! - [`completeness`]: whether a job's trace has everything it must have

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
    /// Spans that were handed in again under the id of another.
    pub repeated: usize,
    /// Things in the place of a span that are none: they have no id.
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

    /// The services, each once, in the order in which they appear.
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
