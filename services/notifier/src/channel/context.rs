//! The trace context that goes to receivers.

use contract::propagation::{TRACEPARENT, TRACESTATE};
use opentelemetry::{global, propagation::Injector};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The current span as headers. Baggage stays inside the lab.
pub(super) fn trace_context() -> HeaderMap {
    let mut headers = Headers(HeaderMap::new());
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut headers));
    headers.0
}

struct Headers(HeaderMap);

impl Injector for Headers {
    fn set(&mut self, key: &str, value: String) {
        let name =
            [TRACEPARENT, TRACESTATE].into_iter().find(|name| key.eq_ignore_ascii_case(name));
        // An empty tracestate is the same as none.
        if let (Some(name), false, Ok(value)) =
            (name, value.is_empty(), HeaderValue::try_from(value.as_str()))
        {
            self.0.insert(HeaderName::from_static(name), value);
        }
    }
}
