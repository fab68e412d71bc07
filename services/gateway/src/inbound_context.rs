//! Trace context, baggage and faults in the headers of a request. All of it is untrusted and checked.

use axum::http::HeaderMap;
use contract::propagation::{
    BAGGAGE, BAGGAGE_BYTES_MAX, BAGGAGE_FAULT, FAULT, TRACEPARENT, TRACESTATE, TraceParent,
    allowed_baggage,
};
use opentelemetry::{
    Context,
    baggage::{Baggage, BaggageExt as _},
    global,
    propagation::Extractor,
    trace::{SpanContext, TraceContextExt as _},
};

/// Longest description of faults, in bytes: encoded, it must fit into the baggage of a message.
const FAULT_BYTES_MAX: usize = 256;

/// The checked context of one request.
#[derive(Debug)]
pub(crate) struct InboundContext {
    /// The client's span; invalid if it sent none.
    pub(crate) client_span: SpanContext,
    /// The context in which the request is handled: with the allowed baggage, and with the client's trace
    /// if that is trusted.
    pub(crate) context: Context,
    /// Why the request's faults are refused.
    pub(crate) fault: Result<(), WrongFault>,
}

/// The header with the invalid faults, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WrongFault {
    pub(crate) header: &'static str,
    pub(crate) problem: String,
}

impl InboundContext {
    /// Reads the headers. An invalid trace context or baggage is ignored. Invalid faults are refused, because their
    /// sender expects them to act.
    pub(crate) fn read(headers: &HeaderMap, faults_on: bool, trusted: bool) -> Self {
        let checked = CheckedHeaders::read(headers);
        let trace = global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&Context::new(), &checked)
        });
        let in_baggage = trace.baggage().get(BAGGAGE_FAULT).map(ToString::to_string);
        let fault = fault(headers, in_baggage, faults_on);
        // Both have to fit; percent-encoded, one byte takes up to three.
        let room = BAGGAGE_BYTES_MAX - 3 * FAULT_BYTES_MAX - BAGGAGE_FAULT.len();
        let size = checked.baggage.as_ref().map_or(0, String::len);
        let mut baggage = Baggage::new();
        if let Ok(Some(fault)) = &fault {
            baggage.insert(BAGGAGE_FAULT, fault.clone());
        }
        if baggage.is_empty() || size <= room {
            for (key, (value, metadata)) in trace.baggage() {
                if key.as_str() != BAGGAGE_FAULT {
                    baggage.insert_with_metadata(key.clone(), value.clone(), metadata.clone());
                }
            }
        }
        let client_span = trace.span().span_context().clone();
        let context = if trusted { trace } else { Context::new() };
        Self { client_span, context: context.with_baggage(baggage), fault: fault.map(drop) }
    }
}

/// The faults that the request carries: in their own header, else in its baggage.
fn fault(
    headers: &HeaderMap,
    in_baggage: Option<String>,
    faults_on: bool,
) -> Result<Option<String>, WrongFault> {
    let wrong =
        |header, problem: &dyn ToString| WrongFault { header, problem: problem.to_string() };
    let own = headers.get(FAULT);
    if !faults_on {
        let off = "faults are off; switch them on with --faults on (WAYBILL_FAULTS=on)";
        return own.map_or(Ok(None), |_| Err(wrong(FAULT, &off)));
    }
    let (header, text) = match own {
        Some(own) => (FAULT, own.to_str().map(str::to_owned)),
        None => (BAGGAGE, Ok(in_baggage.unwrap_or_default())),
    };
    let text = text.map_err(|_| wrong(header, &"must have printable characters only"))?;
    if own.is_none() && text.is_empty() {
        return Ok(None);
    }
    if text.len() > FAULT_BYTES_MAX {
        return Err(wrong(header, &format!("must be at most {FAULT_BYTES_MAX} bytes")));
    }
    faults::check(&text).map_err(|error| wrong(header, &error))?;
    Ok(Some(text))
}

/// The headers that are passed to the propagators.
struct CheckedHeaders {
    traceparent: Option<String>,
    tracestate: Option<String>,
    baggage: Option<String>,
}

impl CheckedHeaders {
    fn read(headers: &HeaderMap) -> Self {
        let traceparent =
            only(headers, TRACEPARENT).filter(|text| text.parse::<TraceParent>().is_ok());
        Self {
            traceparent: traceparent.map(str::to_owned),
            tracestate: only(headers, TRACESTATE).map(str::to_owned),
            baggage: only(headers, BAGGAGE).and_then(allowed_baggage),
        }
    }
}

impl Extractor for CheckedHeaders {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACEPARENT => self.traceparent.as_deref(),
            TRACESTATE => self.tracestate.as_deref(),
            BAGGAGE => self.baggage.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT, TRACESTATE, BAGGAGE]
    }
}

/// The value of a header; `None` if it occurs more than once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
