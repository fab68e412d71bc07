//! The spans of the loop: one per delivery, and those of a long queue wait or a slow ack.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract::{
    propagation::TraceParent,
    signals::{attr, span},
    topology::Consumer,
};
use opentelemetry::{
    KeyValue,
    trace::{SpanKind, Status, TraceContextExt},
};
use telemetry::FinishedSpan;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{Bus, Delivery, TraceContext, headers};

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
    let Some(parent) = producer_of(delivery) else { return };
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

/// The producer span, from the message headers.
pub fn producer_of(delivery: &Delivery) -> Option<TraceParent> {
    telemetry::context::span_ref(delivery.context.span().span_context())
}

fn at_ms(unix_ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(unix_ms).unwrap_or(0))
}
