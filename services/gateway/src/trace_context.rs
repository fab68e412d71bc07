//! Continues a job's trace in a message that a request causes: the parent is the job's span, the baggage is the job's,
//! and the request's span is only linked.

use bus::fault_in;
use contract::{
    job::Job,
    propagation::{BAGGAGE_FAULT, TraceParent},
};
use jobs::{records::Entry, round};
use opentelemetry::{
    Context,
    baggage::{Baggage, BaggageExt as _},
    trace::TraceContextExt as _,
};

use crate::broker::Broker;

/// A context with `span`, or else the span of `origin`, as parent and with all baggage of the job.
pub(crate) fn with_all(span: Option<TraceParent>, origin: &Context) -> Context {
    with_parent(span, origin).with_baggage(copy(origin, |_| true))
}

/// The same without the job's faults: they must not act again when the job is started again. Faults of the
/// request itself are kept.
pub(crate) fn without_faults(span: Option<TraceParent>, origin: &Context) -> Context {
    let mut baggage = copy(origin, |key| key != BAGGAGE_FAULT);
    if let Some(fault) = fault_in(&Context::current()) {
        baggage.insert(BAGGAGE_FAULT, fault);
    }
    with_parent(span, origin).with_baggage(baggage)
}

fn with_parent(span: Option<TraceParent>, origin: &Context) -> Context {
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

/// Moves the record into the round whose message was just stored, so that a client sees it immediately. If this
/// fails, the stage that receives the message does it.
pub(crate) async fn begin_round(broker: &Broker, job: &Job, trace_id: &str) -> Option<Entry> {
    let entry = round::enter(&broker.jobs, job, trace_id).await;
    entry.unwrap_or_else(|error| {
        tracing::debug!(%error, job_id = %job.id, "cannot start the round yet; the stage does it");
        None
    })
}
