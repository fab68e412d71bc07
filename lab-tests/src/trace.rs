//! Assertions on traces.

use trace::{Span, Trace};

/// Assertions on a trace under test.
pub trait TraceUnderTest {
    /// The only span with this name; panics with the trace if there are none or several.
    fn the(&self, name: &str) -> &Span;
}

impl TraceUnderTest for Trace {
    fn the(&self, name: &str) -> &Span {
        self.only(name).unwrap_or_else(|error| panic!("{error} in\n{self}"))
    }
}
