//! Message headers: the only place that injects and extracts trace context.

use async_nats::HeaderMap;
use contract::{
    event::EventHead,
    propagation::{BAGGAGE, BAGGAGE_FAULT, allowed_baggage},
};
use opentelemetry::{
    Context,
    baggage::{Baggage, BaggageExt},
    global,
    propagation::{Extractor, Injector},
};

/// The header's first value. Names are compared without case: other clients may write `Traceparent`.
pub fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let exact = headers.get(name).map(async_nats::HeaderValue::as_str);
    exact.or_else(|| {
        let same = |found: &str| found.eq_ignore_ascii_case(name);
        headers
            .iter()
            .find(|(found, _)| same(found.as_ref()))
            .and_then(|(_, values)| values.first())
            .map(async_nats::HeaderValue::as_str)
    })
}

/// Writes the event's attributes and the trace context of `context`.
pub fn write(head: &EventHead, context: &Context) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in head.headers() {
        headers.insert(name, value);
    }
    inject(&mut headers, context);
    headers
}

/// Writes the trace context of `context`.
pub fn inject(headers: &mut HeaderMap, context: &Context) {
    set_all(context, |name, value| headers.insert(name, value));
}

/// The trace context of `context` as names and values.
pub fn pairs(context: &Context) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    set_all(context, |name, value| pairs.push((name.to_owned(), value)));
    pairs
}

fn set_all(context: &Context, set: impl FnMut(&str, String)) {
    let mut carrier = Set(set);
    global::get_text_map_propagator(|propagator| propagator.inject_context(context, &mut carrier));
}

/// The trace context of a message, with the allowed part of its baggage.
pub fn context_of(headers: &HeaderMap) -> Context {
    let baggage = value(headers, BAGGAGE).and_then(allowed_baggage);
    let from = From { headers, baggage };
    global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&Context::new(), &from)
    })
}

/// The baggage of `context` without its span, for a span that starts its own trace.
pub fn baggage_alone(context: &Context) -> Context {
    let mut baggage = Baggage::new();
    for (key, (value, metadata)) in context.baggage() {
        baggage.insert_with_metadata(key.clone(), value.clone(), metadata.clone());
    }
    Context::new().with_baggage(baggage)
}

/// The faults that travel with the job of `context`.
pub fn fault_in(context: &Context) -> Option<String> {
    context.baggage().get(BAGGAGE_FAULT).map(|value| value.as_str().to_owned())
}

struct Set<F>(F);

impl<F: FnMut(&str, String)> Injector for Set<F> {
    fn set(&mut self, key: &str, value: String) {
        // The propagators write an empty baggage when there is none.
        if !value.is_empty() {
            (self.0)(key, value);
        }
    }
}

struct From<'a> {
    headers: &'a HeaderMap,
    baggage: Option<String>,
}

impl Extractor for From<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        if key == BAGGAGE { self.baggage.as_deref() } else { value(self.headers, key) }
    }

    fn keys(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_ref()).collect()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::{
        propagation::TextMapCompositePropagator,
        trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
    };
    use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
    use proptest::prelude::*;

    use super::*;

    fn head() -> EventHead {
        EventHead {
            id: "1".into(),
            source: "/test".into(),
            kind: "k".into(),
            subject: None,
            time: None,
        }
    }

    fn install() {
        let both: Vec<Box<dyn opentelemetry::propagation::TextMapPropagator + Send + Sync>> =
            vec![Box::new(TraceContextPropagator::new()), Box::new(BaggagePropagator::new())];
        global::set_text_map_propagator(TextMapCompositePropagator::new(both));
    }

    proptest! {
        #[test]
        fn span_context_and_fault_baggage_round_trip_through_headers(trace in 1u128.., span in 1u64.., sampled: bool, fault in "[a-z0-9_=:@;]{0,60}") {
            install();
            let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
            let sent = SpanContext::new(TraceId::from(trace), SpanId::from(span), flags, true, TraceState::default());
            let mut context = Context::new().with_remote_span_context(sent.clone());
            if !fault.is_empty() {
                context = context.with_baggage([opentelemetry::KeyValue::new(BAGGAGE_FAULT, fault.clone())]);
            }
            let received = context_of(&write(&head(), &context));
            prop_assert_eq!(received.span().span_context().clone(), sent);
            let carried = fault_in(&received).unwrap_or_default();
            prop_assert_eq!(carried.trim(), fault.trim());
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_foreign_baggage_stays_behind() {
        install();
        let mut headers = HeaderMap::new();
        headers.insert("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        headers.insert("Baggage", "user=alice,waybill.fault=processor%3Derror");
        let context = context_of(&headers);
        assert_eq!(
            context.span().span_context().trace_id().to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert_eq!(fault_in(&context).as_deref(), Some("processor=error"));
        assert_eq!(context.baggage().len(), 1);
    }
}
