//! The pipeline of log records: clock offset, queue limit, batching (by the SDK), export.

use std::{sync::Arc, time::Duration};

use opentelemetry::{InstrumentationScope, logs::LogRecord as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{BatchConfig, BatchLogProcessor, LogBatch, LogExporter, LogProcessor, SdkLogRecord},
};

use crate::{in_flight::InFlight, offset::ClockOffset};

/// The queue in front of the exporter.
#[derive(Debug)]
pub(crate) struct LogQueue {
    batches: BatchLogProcessor,
    in_flight: Arc<InFlight>,
    offset: ClockOffset,
}

impl LogQueue {
    /// Starts the batching thread. The exporter must have its resource already.
    pub(crate) fn new<E: LogExporter + 'static>(
        exporter: E,
        config: BatchConfig,
        in_flight: Arc<InFlight>,
        offset: ClockOffset,
    ) -> Self {
        let exporter = CountedExporter { exporter, in_flight: in_flight.clone() };
        let batches = BatchLogProcessor::builder(exporter).with_batch_config(config);
        Self { batches: batches.build(), in_flight, offset }
    }
}

impl LogProcessor for LogQueue {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if !self.in_flight.enter() {
            return;
        }
        // The appender does not set the timestamp.
        let observed = record.observed_timestamp();
        let stamp = self.offset.apply(observed.unwrap_or_else(|| self.offset.true_now()));
        record.set_timestamp(stamp);
        record.set_observed_timestamp(stamp);
        // By default `tracing` names an event after its source location.
        if record.event_name().is_some_and(|name| name.starts_with("event ")) {
            record.set_event_name("");
        }
        self.batches.emit(record, scope);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.in_flight.close();
        self.batches.shutdown_with_timeout(timeout)
    }
}

/// Exports each batch with a timeout, then subtracts it from the in-flight count, whether or not it was sent.
#[derive(Debug)]
struct CountedExporter<E> {
    exporter: E,
    in_flight: Arc<InFlight>,
}

impl<E: LogExporter> LogExporter for CountedExporter<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let count = batch.iter().count();
        self.in_flight.send(count, self.exporter.export(batch)).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
