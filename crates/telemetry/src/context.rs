//! Conversion between OpenTelemetry's span contexts and the `TraceParent` of records and headers.

use contract::propagation::TraceParent;
use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt as _, TraceState},
};

/// The current span, sampled or not. `None` outside of spans, and in a spawned task without `.in_current_span()`.
pub fn current_span_ref() -> Option<TraceParent> {
    Context::map_current(|context| span_ref(context.span().span_context()))
}

/// Converts a span context; `None` if it is invalid.
pub fn span_ref(span: &SpanContext) -> Option<TraceParent> {
    span.is_valid().then(|| TraceParent {
        trace_id: u128::from_be_bytes(span.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(span.span_id().to_bytes()),
        sampled: span.is_sampled(),
    })
}

/// Converts to the context of a remote span, for parents and links.
pub fn span_context(span: TraceParent) -> SpanContext {
    let flags = TraceFlags::default().with_sampled(span.sampled);
    SpanContext::new(
        TraceId::from(span.trace_id),
        SpanId::from(span.span_id),
        flags,
        true,
        TraceState::NONE,
    )
}

/// A context with the remote span `span` as its current one, for example the producer of a message.
pub fn remote_context(span: TraceParent) -> Context {
    Context::new().with_remote_span_context(span_context(span))
}
