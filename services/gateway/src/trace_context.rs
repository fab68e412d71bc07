//! How a job's trace goes on when a request takes a hand in it: the job's span as the parent, the
//! job's baggage, and the request itself only as a link.

use bus::{fault_in, records::Entry};
use contract::{
    job::Job,
    propagation::{BAGGAGE_FAULT, TraceParent},
};
use opentelemetry::{
    Context,
    baggage::{Baggage, BaggageExt as _},
    trace::TraceContextExt as _,
};

use crate::broker::Broker;

/// After `span`, or after the span of `origin`, with all that travelled with the job.
pub(crate) fn with_all(span: Option<TraceParent>, origin: &Context) -> Context {
    after(span, origin).with_baggage(copy(origin, |_| true))
}

/// The same, but the job's faults stay behind: who starts a job again has seen to them. A request that
/// wants faults brings its own.
pub(crate) fn without_faults(span: Option<TraceParent>, origin: &Context) -> Context {
    let mut baggage = copy(origin, |key| key != BAGGAGE_FAULT);
    if let Some(fault) = fault_in(&Context::current()) {
        baggage.insert(BAGGAGE_FAULT, fault);
    }
    after(span, origin).with_baggage(baggage)
}

fn after(span: Option<TraceParent>, origin: &Context) -> Context {
    let parent = span.map(telemetry::context::span_context);
    let parent = parent.unwrap_or_else(|| origin.span().span_context().clone());
    Context::new().with_remote_span_context(parent)
}

fn copy(origin: &Context, wanted: impl Fn(&str) -> bool) -> Baggage {
    let mut baggage = Baggage::new();
    for (key, (value, metadata)) in origin.baggage() {
        if wanted(key.as_str()) {
            baggage.insert_with_metadata(key.clone(), value.clone(), metadata.clone());
        }
    }
    baggage
}

/// Moves the record into the round whose message was just stored, so that a client sees it at once. If it
/// cannot, whoever meets the message does.
pub(crate) async fn begin_round(broker: &Broker, job: &Job, trace_id: &str) -> Option<Entry> {
    let begun = broker.bus.enter_round(job, trace_id).await;
    begun.unwrap_or_else(|error| {
        tracing::debug!(%error, job_id = %job.id, "the round begins with its message");
        None
    })
}
