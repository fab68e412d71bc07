//! The OTLP pipelines for spans and logs: the SDK's providers, with this crate's queues before its exporters.

use std::sync::Arc;

use contract::signals::{TELEMETRY_DROPPED, signal};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{ExporterBuildError, LogExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    logs::{self, LogExporter as _, SdkLoggerProvider},
    trace::{self, Sampler, SdkTracerProvider, SpanExporter as _},
};
use tracing::Subscriber;
use tracing_subscriber::{Layer, registry::LookupSpan};

use crate::{
    ClockOffset, Metrics, SpanSink, TelemetryConfig,
    config::Batching,
    filters,
    in_flight::{CLOSE_TIME_MAX, InFlight},
    log_queue::LogQueue,
    span_journal::SpanJournal,
    span_queue::SpanQueue,
    span_sink::SCOPE,
};

/// Settings, resource, metrics and clock offset shared by the span and log pipelines.
pub(crate) struct Base<'a> {
    pub(crate) config: &'a TelemetryConfig,
    pub(crate) resource: Resource,
    pub(crate) metrics: Metrics,
    pub(crate) offset: ClockOffset,
}

impl Base<'_> {
    fn in_flight(&self, signal: &'static str, batching: &Batching) -> Arc<InFlight> {
        let dropped = self.metrics.counter(&TELEMETRY_DROPPED, &[signal]);
        let dropped = dropped.expect("the register has it");
        Arc::new(InFlight::new(signal, batching, dropped))
    }
}

/// The pipeline of spans. With telemetry off, spans have ids and are not exported.
#[derive(Debug)]
pub(crate) struct Spans {
    pub(crate) provider: SdkTracerProvider,
    queue: Option<SpanQueue>,
}

impl Spans {
    /// Starts the pipeline. `span_journal` records unfinished spans.
    pub(crate) fn start(
        base: &Base<'_>,
        journal: Option<SpanJournal>,
    ) -> Result<Self, ExporterBuildError> {
        let provider = SdkTracerProvider::builder().with_resource(base.resource.clone());
        if !base.config.is_on() {
            let provider = provider.with_sampler(Sampler::AlwaysOff).build();
            let queue = None;
            return Ok(Self { provider, queue });
        }
        let provider = provider.with_sampler(base.config.otel.sampler());
        if !base.config.otel.exports_spans() {
            return Ok(Self { provider: provider.build(), queue: None });
        }
        let batching = base.config.otel.spans();
        let exporter = SpanExporter::builder().with_tonic();
        let exporter = exporter.with_endpoint(base.config.otel.spans_endpoint());
        let mut exporter = exporter.with_timeout(batching.export_time_max).build()?;
        exporter.set_resource(&base.resource);
        let batches = trace::BatchConfigBuilder::default()
            .with_max_queue_size(batching.limit)
            .with_scheduled_delay(batching.delay);
        let in_flight = base.in_flight(signal::SPANS, &batching);
        let journal = journal.map(Arc::new);
        let offset = base.offset.clone();
        let queue = SpanQueue::new(exporter, batches.build(), in_flight, journal, offset);
        Ok(Self {
            provider: provider.with_span_processor(queue.clone()).build(),
            queue: Some(queue),
        })
    }

    pub(crate) fn sink(&self) -> SpanSink {
        SpanSink::new(self.queue.clone())
    }

    /// The layer that creates OpenTelemetry spans from `tracing` spans, and makes them current in OpenTelemetry.
    pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(SCOPE))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filters::spans())
    }

    /// Flushes and shuts down, within [`CLOSE_TIME_MAX`]. Blocks.
    pub(crate) fn stop(&self) {
        // A failure is already counted as dropped.
        let _ = self.provider.shutdown_with_timeout(CLOSE_TIME_MAX);
    }
}

/// The pipeline of log records; does nothing with telemetry off.
#[derive(Debug)]
pub(crate) struct Logs {
    provider: Option<SdkLoggerProvider>,
}

impl Logs {
    pub(crate) fn start(base: &Base<'_>) -> Result<Self, ExporterBuildError> {
        if !base.config.is_on() || !base.config.otel.exports_logs() {
            return Ok(Self { provider: None });
        }
        let batching = base.config.otel.logs();
        let exporter = LogExporter::builder().with_tonic();
        let exporter = exporter.with_endpoint(base.config.otel.logs_endpoint());
        let mut exporter = exporter.with_timeout(batching.export_time_max).build()?;
        exporter.set_resource(&base.resource);
        let batches = logs::BatchConfigBuilder::default()
            .with_max_queue_size(batching.limit)
            .with_scheduled_delay(batching.delay);
        let in_flight = base.in_flight(signal::LOGS, &batching);
        let queue = LogQueue::new(exporter, batches.build(), in_flight, base.offset.clone());
        let provider = SdkLoggerProvider::builder().with_resource(base.resource.clone());
        let provider = Some(provider.with_log_processor(queue).build());
        Ok(Self { provider })
    }

    /// The layer that creates log records from `tracing` events, with the ids of the current span.
    pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(
        &self,
    ) -> Option<impl Layer<S> + use<S>> {
        let provider = self.provider.as_ref()?;
        Some(OpenTelemetryTracingBridge::new(provider).with_filter(filters::logs()))
    }

    /// Flushes and shuts down, within [`CLOSE_TIME_MAX`]. Blocks.
    pub(crate) fn stop(&self) {
        if let Some(provider) = &self.provider {
            // A failure is already counted as dropped.
            let _ = provider.shutdown_with_timeout(CLOSE_TIME_MAX);
        }
    }
}
