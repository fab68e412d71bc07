//! Conversion between OpenTelemetry's span contexts and the `TraceParent` of records and headers.

use contract::propagation::TraceParent;
use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt as _, TraceState},
};

/// The span that is current here, sampled or not. `None` outside of spans, and inside a spawned task
/// that was not given its span (`.in_current_span()`).
pub fn current_span_ref() -> Option<TraceParent> {
    Context::map_current(|context| span_ref(context.span().span_context()))
}

/// A span context as a reference; `None` when it names no span.
pub fn span_ref(span: &SpanContext) -> Option<TraceParent> {
    span.is_valid().then(|| TraceParent {
        trace_id: u128::from_be_bytes(span.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(span.span_id().to_bytes()),
        sampled: span.is_sampled(),
    })
}

/// A reference as the context of a span in another process, fit for parents and links.
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

/// A context whose current span is `span`: what a message that carries it is handled in.
pub fn remote_context(span: TraceParent) -> Context {
    Context::new().with_remote_span_context(span_context(span))
}
