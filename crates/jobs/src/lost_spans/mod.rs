//! The spans of a run whose worker was lost, exported by whoever takes the job over or ends it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract::{
    Stage,
    propagation::TraceParent,
    record::{JobRecord, Lease, Progress},
    signals::{attr, span},
    topology,
    verdict::Verdict,
};
use opentelemetry::{
    KeyValue,
    trace::{SpanKind, Status},
};
use telemetry::FinishedSpan;

use bus::{Bus, Delivery};

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
    let silent_ns = (bus.nats.time.now_ns() - written_at_ns).max(0);
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

fn at_ns(unix_ns: i128) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(u64::try_from(unix_ns).unwrap_or(0))
}

#[cfg(test)]
mod tests;
