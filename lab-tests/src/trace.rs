//! What tests ask of a trace.

use trace::{Span, Trace};

/// Questions whose answer a test relies on.
pub trait TraceUnderTest {
    /// The one span with this name; panics with the whole trace if there is another number of them.
    fn the(&self, name: &str) -> &Span;
}

impl TraceUnderTest for Trace {
    fn the(&self, name: &str) -> &Span {
        self.only(name).unwrap_or_else(|error| panic!("{error} in\n{self}"))
    }
}
