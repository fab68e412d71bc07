//! What a client sends along with a request: its trace, its baggage, its faults. Nothing of it is
//! taken unchecked.

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

/// What came along with one request.
#[derive(Debug)]
pub(crate) struct InboundContext {
    /// The client's span, if it named one.
    pub(crate) span: SpanContext,
    /// The context in which the request is handled: with the baggage that may travel on, and with the
    /// client's trace if that is trusted.
    pub(crate) context: Context,
    /// Whether the request's faults are taken.
    pub(crate) fault: Result<(), WrongFault>,
}

/// Why a request's faults are not taken: the header, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WrongFault {
    pub(crate) header: &'static str,
    pub(crate) problem: String,
}

impl InboundContext {
    /// Reads the headers. Traces and baggage that make no sense are as good as absent; faults are
    /// refused, because whoever sends them wants to see them.
    pub(crate) fn read(headers: &HeaderMap, faults_on: bool, trusted: bool) -> Self {
        let sent = Sent::read(headers);
        let trace = global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&Context::new(), &sent)
        });
        let riding = trace.baggage().get(BAGGAGE_FAULT).map(ToString::to_string);
        let fault = fault(headers, riding, faults_on);
        // Both have to fit; a percent sign and two digits is the most that one byte becomes.
        let room = BAGGAGE_BYTES_MAX - 3 * FAULT_BYTES_MAX - BAGGAGE_FAULT.len();
        let size = sent.baggage.as_ref().map_or(0, String::len);
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
        let span = trace.span().span_context().clone();
        let context = if trusted { trace } else { Context::new() };
        Self { span, context: context.with_baggage(baggage), fault: fault.map(drop) }
    }
}

/// The faults that the request carries: in their own header, else in its baggage (`riding`).
fn fault(
    headers: &HeaderMap,
    riding: Option<String>,
    faults_on: bool,
) -> Result<Option<String>, WrongFault> {
    let wrong =
        |header, problem: &dyn ToString| WrongFault { header, problem: problem.to_string() };
    let own = headers.get(FAULT);
    if !faults_on {
        let off = "faults are off here; they act with --faults on (WAYBILL_FAULTS=on)";
        return own.map_or(Ok(None), |_| Err(wrong(FAULT, &off)));
    }
    let (header, text) = match own {
        Some(own) => (FAULT, own.to_str().map(str::to_owned)),
        None => (BAGGAGE, Ok(riding.unwrap_or_default())),
    };
    let text = text.map_err(|_| wrong(header, &"has unprintable characters"))?;
    if own.is_none() && text.is_empty() {
        return Ok(None);
    }
    if text.len() > FAULT_BYTES_MAX {
        return Err(wrong(header, &format!("must be at most {FAULT_BYTES_MAX} bytes")));
    }
    faults::check(&text).map_err(|error| wrong(header, &error))?;
    Ok(Some(text))
}

/// The headers that the propagators may see.
struct Sent {
    traceparent: Option<String>,
    tracestate: Option<String>,
    baggage: Option<String>,
}

impl Sent {
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

impl Extractor for Sent {
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

/// The one value of a header; none when it is there twice, for then nobody knows which counts.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
