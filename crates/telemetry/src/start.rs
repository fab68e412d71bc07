//! Start-up of traces, logs and metrics, and the flush at the end.

use std::{fmt, io, time::Duration};

use contract::{
    Stage,
    signals::{METRICS, TELEMETRY_DROPPED, signal},
};
use opentelemetry::{
    global,
    propagation::{TextMapCompositePropagator, TextMapPropagator},
};
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::{
    propagation::{BaggagePropagator, TraceContextPropagator},
    trace::SpanData,
};
use tokio::{sync::oneshot, task::spawn_blocking};
use tracing::Subscriber;
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::{
    Layer, filter::ParseError, layer::SubscriberExt as _, registry::LookupSpan,
};

use crate::{
    ClockOffset, Identity, Metrics, SpanSink, TelemetryConfig, filters,
    loki::{self, LokiExport, LokiLayer},
    pipelines::{Base, Logs, Spans},
    resource::{resource, service_name},
    span_journal::SpanJournal,
    stdout::{self, JsonLines},
};

/// Time limit of each step of [`Telemetry::stop`].
const STOP_TIME_MAX: Duration = Duration::from_secs(2);

/// Why telemetry could not start, with what to change.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter of standard output cannot be read.
    #[error("--log (RUST_LOG) must be a filter such as `info` or `warn,bus=debug`")]
    Log(#[from] ParseError),
    /// The OTLP target cannot be used.
    #[error("cannot set up OTLP: check the OTEL_EXPORTER_OTLP_… variables")]
    Otlp(#[from] ExporterBuildError),
    /// The Loki address cannot be used.
    #[error("--loki-url (LOKI_URL) cannot be used: {0}")]
    Loki(String),
    /// Telemetry was already started in this process.
    #[error("telemetry was started twice in one process")]
    Twice,
}

/// The telemetry of this process. Call [`Telemetry::stop`] at every exit: dropping it loses what is not exported yet.
#[must_use]
pub struct Telemetry {
    metrics: Metrics,
    spans: Spans,
    logs: Logs,
    stdout: WorkerGuard,
    loki: Option<LokiExport>,
}

/// Starts telemetry: subscriber, propagators, exporters, metrics. Call it once, inside a multi-threaded tokio runtime. The
/// name of the service determines which series exist from the start.
pub fn init(
    identity: &Identity,
    config: &TelemetryConfig,
    offset: ClockOffset,
) -> Result<Telemetry, TelemetryError> {
    let stage = Stage::ALL.into_iter().find(|stage| stage.name() == identity.name);
    let base = Base {
        config,
        resource: resource(identity, &config.otel),
        metrics: Metrics::new(METRICS, stage, offset.clone()),
        offset,
    };
    let journal = config.span_journal().map(SpanJournal::open).transpose();
    let (journal, lost, unusable) = match journal {
        Ok(journal) => {
            let (journal, lost) = journal.unzip();
            (journal, lost.unwrap_or_default(), None)
        }
        Err(error) => (None, Vec::new(), Some(error)),
    };
    let (spans, logs) = (Spans::start(&base, journal)?, Logs::start(&base)?);
    let (writer, stdout) = stdout::writer();
    base.metrics.mirror_dropped(signal::STDOUT, writer.error_counter());
    let (loki_layer, loki) = loki(&base)?;

    let subscriber = tracing_subscriber::registry()
        .with(spans.layer())
        .with(logs.layer())
        .with(lines(&base, writer)?)
        .with(loki_layer.map(|layer| layer.with_filter(filters::loki())));
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Twice)?;
    global::set_tracer_provider(spans.provider.clone());
    global::set_text_map_propagator(propagator(config.otel.propagators()));
    for (variable, must) in config.otel.unusable_variables() {
        tracing::warn!(variable, "variable ignored: {must}");
    }
    let telemetry = Telemetry { metrics: base.metrics, spans, logs, stdout, loki };
    telemetry.export_lost_spans(lost, unusable);
    Ok(telemetry)
}

impl Telemetry {
    /// The metrics of this process.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// The sink for spans that are exported after the fact.
    pub fn spans(&self) -> SpanSink {
        self.spans.sink()
    }

    /// Exports the spans of a killed process from its journal; logs if the journal cannot be used.
    fn export_lost_spans(&self, lost: Vec<SpanData>, unusable: Option<io::Error>) {
        if let Some(error) = unusable {
            tracing::warn!(
                %error,
                "--span-journal (WAYBILL_SPAN_JOURNAL) is not used; a killed process will leave gaps"
            );
        }
        if !lost.is_empty() {
            tracing::warn!(
                spans = lost.len(),
                "the previous process was killed; exporting its unfinished spans"
            );
        }
        for span in lost {
            self.spans().export(span);
        }
    }

    /// Flushes all signals, for 2 s at most; the rest is lost. Later log lines are not exported.
    pub async fn stop(self) {
        let Self { spans, logs, stdout, loki, .. } = self;
        let flushed = async {
            let loki = tokio::spawn(async {
                if let Some(export) = loki {
                    export.stop().await;
                }
            });
            let logs = spawn_blocking(move || logs.stop());
            let spans = spawn_blocking(move || spans.stop());
            let _ = (loki.await, logs.await, spans.await);
        };
        let _ = tokio::time::timeout(STOP_TIME_MAX, flushed).await;
        // Dropping the guard waits about a second for the last lines, and forever without a reader: so it is dropped on its
        // own thread, which blocks neither the runtime nor the exit.
        let (done, written) = oneshot::channel();
        std::thread::spawn(move || {
            drop(stdout);
            let _ = done.send(());
        });
        let _ = tokio::time::timeout(STOP_TIME_MAX, written).await;
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let telemetry = &mut out.debug_struct("Telemetry");
        telemetry.field("spans", &self.spans).finish_non_exhaustive()
    }
}

/// The propagator of trace context and baggage, of one of them, or of neither.
fn propagator((trace_context, baggage): (bool, bool)) -> TextMapCompositePropagator {
    let mut propagators: Vec<Box<dyn TextMapPropagator + Send + Sync>> = Vec::new();
    if trace_context {
        propagators.push(Box::new(TraceContextPropagator::new()));
    }
    if baggage {
        propagators.push(Box::new(BaggagePropagator::new()));
    }
    TextMapCompositePropagator::new(propagators)
}

/// The layer for log lines on standard output.
fn lines<S>(base: &Base<'_>, writer: NonBlocking) -> Result<impl Layer<S> + use<S>, TelemetryError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let format = JsonLines { service: service_name(&base.resource), offset: base.offset.clone() };
    let filter = filters::stdout(&base.config.log)?;
    let lines = tracing_subscriber::fmt::layer().event_format(format);
    Ok(lines.with_writer(writer).with_filter(filter))
}

/// The Loki exporter, if an address is set.
fn loki(base: &Base<'_>) -> Result<(Option<LokiLayer>, Option<LokiExport>), TelemetryError> {
    let Some(address) = &base.config.loki_url else {
        return Ok((None, None));
    };
    let dropped = base.metrics.counter(&TELEMETRY_DROPPED, &[signal::LOKI]);
    let dropped = dropped.expect("the register has it");
    loki::start(address, &service_name(&base.resource), dropped)
        .map(|(layer, export)| (Some(layer), Some(export)))
        .map_err(|error| TelemetryError::Loki(error.to_string()))
}
