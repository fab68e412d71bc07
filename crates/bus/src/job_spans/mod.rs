//! The spans of the work loop: one per delivery, and spans that are exported after the fact.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract::{
    Stage,
    propagation::TraceParent,
    record::{JobRecord, Lease, Progress},
    signals::{attr, span},
    topology::{self, Consumer},
    verdict::Verdict,
};
use opentelemetry::{
    KeyValue,
    trace::{SpanKind, Status, TraceContextExt},
};
use telemetry::FinishedSpan;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{Bus, Delivery, connect::TraceContext, headers};

/// A queue wait shorter than this is only an attribute.
const QUEUED_SPAN_FROM_MS: i64 = span::QUEUED_MS_MIN.cast_signed();
/// An ack faster than this leaves no span.
pub(crate) const ACK_SPAN_FROM: Duration = Duration::from_millis(span::ACK_MS_MIN);

/// The consumer span of one delivery: a child of the producer span, linked to it, or both, see [`TraceContext`].
/// It always carries the baggage of the message on to what is published within it.
pub(crate) fn process(bus: &Bus, consumer: Consumer, delivery: &Delivery) -> Span {
    let span = tracing::info_span!(
        "process",
        otel.name = span::process_name(&delivery.subject),
        otel.kind = "consumer",
        "messaging.system" = "nats",
        "messaging.operation.name" = "process",
        "messaging.operation.type" = "process",
        "messaging.destination.name" = delivery.subject,
        "messaging.consumer.group.name" = consumer.stage.name(),
    );
    let producer = delivery.context.span().span_context().clone();
    if producer.is_valid() && bus.trace_context != TraceContext::Parent {
        span.add_link_with_attributes(
            producer,
            vec![KeyValue::new(attr::LINK, attr::LINK_PRODUCER)],
        );
    }
    let parent = match bus.trace_context {
        TraceContext::Link => headers::baggage_alone(&delivery.context),
        TraceContext::Both | TraceContext::Parent => delivery.context.clone(),
    };
    // Fails only if the span has started, which it has not, or if no layer records spans.
    let _ = span.set_parent(parent);
    let seq = i64::try_from(delivery.seq).unwrap_or(i64::MAX);
    span.set_attribute(attr::STREAM_SEQUENCE, seq);
    if let Ok(event) = delivery.event() {
        span.set_attribute(attr::MESSAGING_MESSAGE_ID, event.id.clone());
        if let Some(job) = &event.subject {
            span.set_attribute(attr::JOB_ID, job.clone());
        }
    }
    span
}

/// Exports the queue wait as a span. It starts by the broker's clock and ends by this service's displayed clock.
pub(crate) fn queued(bus: &Bus, delivery: &Delivery, since_ms: i64, now_ms: i64) {
    let Some(parent) = parent_of(delivery) else { return };
    if now_ms - since_ms < QUEUED_SPAN_FROM_MS {
        return;
    }
    let span = FinishedSpan::child(span::QUEUED, SpanKind::Internal, parent)
        .times(at_ms(since_ms), at_ms(now_ms))
        .attribute(KeyValue::new(attr::MESSAGING_DESTINATION_NAME, delivery.subject.clone()));
    bus.service.spans.export(span.build());
}

/// Exports the span of an ack that was slow or failed.
pub(crate) fn ack(bus: &Bus, took: Duration, failure: Option<String>) {
    let Some(parent) = telemetry::current_span_ref() else { return };
    let end = bus.service.clock.stamp();
    let mut span =
        FinishedSpan::child(span::ACK, SpanKind::Internal, parent).times(end - took, end);
    if let Some(failure) = failure {
        span = span.status(Status::error(failure));
    }
    bus.service.spans.export(span.build());
}

/// Exports the spans of a run whose worker was lost: the attempt and, if one was running, its operation.
///
/// They end when the record was last written, but not before any span that the run may have exported itself.
pub(crate) fn lost(
    bus: &Bus,
    delivery: &Delivery,
    record: &JobRecord,
    lease: &Lease,
    written_at_ns: i128,
) {
    export_lost(bus, &delivery.subject, record, lease, written_at_ns);
}

/// The same for a job whose message is gone.
pub(crate) fn lost_elsewhere(bus: &Bus, record: &JobRecord, lease: &Lease, written_at_ns: i128) {
    export_lost(bus, &topology::todo(record.kind), record, lease, written_at_ns);
}

fn export_lost(bus: &Bus, subject: &str, record: &JobRecord, lease: &Lease, written_at_ns: i128) {
    let silent_ns = (bus.time.now_ns() - written_at_ns).max(0);
    let end = at_ns(lost_end_ns(record, lease, written_at_ns, silent_ns));
    let attributes = [
        KeyValue::new(attr::MESSAGING_SYSTEM, attr::NATS),
        KeyValue::new(attr::MESSAGING_OPERATION_NAME, "process"),
        KeyValue::new(attr::MESSAGING_OPERATION_TYPE, "process"),
        KeyValue::new(attr::MESSAGING_DESTINATION_NAME, subject.to_owned()),
        KeyValue::new(attr::MESSAGING_CONSUMER_GROUP_NAME, Stage::Processor.name()),
        KeyValue::new(attr::JOB_ID, record.id.to_string()),
        KeyValue::new(attr::JOB_ROUND, i64::from(lease.round)),
        KeyValue::new(attr::JOB_ATTEMPT, i64::from(lease.attempt)),
        KeyValue::new(attr::JOB_INTERRUPTIONS, i64::from(lease.run)),
        KeyValue::new(attr::WORKER, lease.worker.clone()),
        KeyValue::new(attr::VERDICT, Verdict::Lost.name()),
    ];
    let mut attempt =
        FinishedSpan::new(span::process_name(subject), SpanKind::Consumer, lease.span)
            .times(at_ns(lease.started_at_ns.into()), end)
            .link(lease.parent, attr::LINK_PRODUCER)
            .status(Status::error("the worker was lost"));
    // The producer of an attempt that started its own trace is in another trace.
    if lease.parent.trace_id == lease.span.trace_id {
        attempt = attempt.parent(lease.parent);
    }
    bus.service.spans.export(attributes.into_iter().fold(attempt, FinishedSpan::attribute).build());
    if let Some(progress) = record.progress {
        bus.service.spans.export(lost_operation(lease.span, progress, end).build());
    }
}

/// The presumed end of a lost run: after everything that it wrote into the record, and after what it may have finished
/// since then. `silent_ns` is the time without a write, at least an ack wait.
fn lost_end_ns(record: &JobRecord, lease: &Lease, written_at_ns: i128, silent_ns: i128) -> i128 {
    let progress = record.progress.as_ref();
    let noted = progress.map_or(0, |at| at.started_at_ns.max(at.child_at_ns));
    // The worker's clock may be ahead of the broker's.
    let known_ns = written_at_ns.max(lease.started_at_ns.max(noted).into());
    let renewal_ns = silent_ns / 3;
    let unseen_ns = match progress {
        // Children of the last operation are written to the record before they are exported.
        Some(at) if at.operation.saturating_add(1) >= record.operations => 0,
        // A single operation is written to the record once it is long.
        None if record.operations <= 1 => {
            i128::from(span::STARTED_MS_MIN * 1_000_000).min(renewal_ns)
        }
        // Short operations are not written: any number of them may have ended before the next renewal was due.
        _ => renewal_ns,
    };
    known_ns + unseen_ns
}

fn lost_operation(attempt: TraceParent, progress: Progress, end: SystemTime) -> FinishedSpan {
    FinishedSpan::new(span::operation_name(progress.kind), SpanKind::Internal, progress.span)
        .parent(attempt)
        .times(at_ns(progress.started_at_ns.into()), end)
        .attribute(KeyValue::new(attr::OPERATION_KIND, progress.kind.name()))
        .attribute(KeyValue::new(attr::OPERATION_INDEX, i64::from(progress.operation)))
        .attribute(KeyValue::new(attr::PROGRESS, f64::from(progress.part)))
        .attribute(KeyValue::new(attr::VERDICT, Verdict::Lost.name()))
        .status(Status::error("the worker was lost"))
}

/// The producer span, from the message headers.
pub(crate) fn parent_of(delivery: &Delivery) -> Option<TraceParent> {
    telemetry::context::span_ref(delivery.context.span().span_context())
}

fn at_ns(unix_ns: i128) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(u64::try_from(unix_ns).unwrap_or(0))
}

fn at_ms(unix_ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(unix_ms).unwrap_or(0))
}

#[cfg(test)]
mod tests;
