//! The pipeline of finished spans: clock offset, queue limit, batching (by the SDK), export.

use std::{sync::Arc, time::Duration};

use opentelemetry::{Context, Key, KeyValue, Value, trace::Span as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfig, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};

use crate::{
    in_flight::InFlight,
    offset::{ClockOffset, shifted},
    span_journal::SpanJournal,
};

/// Attribute with the clock offset at the start of a span; removed before the span is queued.
const OFFSET_AT_START: Key = Key::from_static_str("waybill.clock.offset_ns");

/// The queue in front of the exporter. Clones feed the same queue.
#[derive(Debug, Clone)]
pub(crate) struct SpanQueue {
    batches: Arc<BatchSpanProcessor>,
    in_flight: Arc<InFlight>,
    journal: Option<Arc<SpanJournal>>,
    offset: ClockOffset,
}

impl SpanQueue {
    /// Starts the batching thread. The exporter must have its resource already.
    pub(crate) fn new<E: SpanExporter + 'static>(
        exporter: E,
        config: BatchConfig,
        in_flight: Arc<InFlight>,
        journal: Option<Arc<SpanJournal>>,
        offset: ClockOffset,
    ) -> Self {
        let exporter =
            CountedExporter { exporter, in_flight: in_flight.clone(), journal: journal.clone() };
        let batches = BatchSpanProcessor::builder(exporter).with_batch_config(config);
        let batches = Arc::new(batches.build());
        Self { batches, in_flight, journal, offset }
    }

    /// Queues a finished span without changing its times, or drops and counts it.
    pub(crate) fn put(&self, mut span: SpanData) {
        // A span must not end before it starts: with disagreeing clocks its length becomes zero.
        span.end_time = span.end_time.max(span.start_time);
        if !span.span_context.is_sampled() {
            return;
        }
        if self.in_flight.enter() {
            self.batches.on_end(span);
        } else if let Some(journal) = &self.journal {
            journal.remove([span.span_context.span_id()]);
        }
    }

    /// Adds to a span's times the clock offsets at its start and its end.
    fn apply_offset(&self, span: &mut SpanData) {
        let at_start = take_offset(&mut span.attributes);
        let at_end = self.offset.nanoseconds();
        let (start, end) = (span.start_time, span.end_time);
        for event in &mut span.events.events {
            let since_start = event.timestamp.duration_since(start).unwrap_or_default();
            let until_end = end.duration_since(event.timestamp).unwrap_or_default();
            let nearer = if since_start <= until_end { at_start } else { at_end };
            event.timestamp = shifted(event.timestamp, nearer);
        }
        span.start_time = shifted(start, at_start);
        span.end_time = shifted(end, at_end);
    }
}

fn take_offset(attributes: &mut Vec<KeyValue>) -> i64 {
    let at = attributes.iter().position(|one| one.key == OFFSET_AT_START);
    match at.map(|at| attributes.swap_remove(at).value) {
        Some(Value::I64(nanoseconds)) => nanoseconds,
        _ => 0,
    }
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, span: &mut Span, _: &Context) {
        let offset = self.offset.nanoseconds();
        if offset != 0 {
            span.set_attribute(KeyValue::new(OFFSET_AT_START, offset));
        }
        if let Some(journal) = &self.journal
            && let Some(mut span) = span.exported_data()
        {
            span.start_time = shifted(span.start_time, offset);
            journal.begin(&span);
        }
    }

    fn on_end(&self, mut span: SpanData) {
        if self.offset.was_changed() {
            self.apply_offset(&mut span);
        }
        self.put(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.in_flight.close();
        self.batches.shutdown_with_timeout(timeout)
    }
}

/// Exports batches within the time limit and removes them from the count, sent or not.
#[derive(Debug)]
struct CountedExporter<E> {
    exporter: E,
    in_flight: Arc<InFlight>,
    journal: Option<Arc<SpanJournal>>,
}

impl<E: SpanExporter> SpanExporter for CountedExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let ids: Vec<_> = batch.iter().map(|span| span.span_context.span_id()).collect();
        let sent = self.in_flight.send(ids.len(), self.exporter.export(batch)).await;
        if let Some(journal) = &self.journal {
            journal.remove(ids);
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
