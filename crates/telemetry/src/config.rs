//! Settings of telemetry in addition to the standard `OTEL_…` variables.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use opentelemetry_sdk::trace::Sampler;
use settings::Switch;
use url::Url;

use crate::{filters, otel::OtelVariables};

/// Default filter of standard output.
const LOG_FILTER: &str = "info,async_nats=warn";

/// Traces and logs. Endpoint, headers, sampler, limits: the standard `OTEL_…` variables.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Telemetry")]
pub struct TelemetryConfig {
    /// Whether to export spans and logs over OTLP. When off, logs and headers still have trace ids, and metrics are
    /// still served.
    #[arg(long, env = "WAYBILL_TELEMETRY", value_name = "on|off", default_value = "on")]
    pub telemetry: Switch,

    /// URL of a Loki to push log lines to, in addition to OTLP, such as http://127.0.0.1:3100. Lines carry true time.
    /// Prefer OTLP.
    #[arg(long, env = "LOKI_URL", value_name = "URL", value_parser = settings::http_url)]
    pub loki_url: Option<Url>,

    /// Span journal: records open spans in this file; after a SIGKILL, the next process that uses it exports them, marked
    /// as lost. In a folder, each process uses its own file, or that of a killed process. Without a span journal, the
    /// last spans of a killed process are missing.
    #[arg(long, env = "WAYBILL_SPAN_JOURNAL", value_name = "PATH")]
    pub span_journal: Option<PathBuf>,

    /// Filter of log lines on standard output, such as `info` or `warn,bus=debug`. It does not affect spans and logs
    /// over OTLP.
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = LOG_FILTER, value_parser = log_filter)]
    pub log: String,

    #[command(flatten)]
    pub(crate) otel: OtelVariables,
}

/// Batching of one signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batching {
    /// Maximum number of items in the queue.
    pub(crate) limit: usize,
    /// Time between two batches.
    pub(crate) delay: Duration,
    /// Timeout of one batch.
    pub(crate) export_time_max: Duration,
}

impl TelemetryConfig {
    /// The span journal, if it is set and spans are exported.
    pub(crate) fn span_journal(&self) -> Option<&Path> {
        self.span_journal.as_deref().filter(|_| self.is_on() && self.otel.exports_spans())
    }

    /// The standard variables that are ignored because of their value, and why, as the end of a sentence.
    pub fn ignored_variables(&self) -> impl Iterator<Item = (String, String)> {
        let unusable = self.otel.unusable_variables().into_iter();
        unusable.map(|(name, must)| (name.to_owned(), format!("is set aside: {must}")))
    }

    /// Why traces of this process may be incomplete, if so.
    pub fn why_no_trace(&self) -> Option<&'static str> {
        let whole = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
        let samples = [whole, Sampler::AlwaysOn].map(|sampler| format!("{sampler:?}"));
        match () {
            () if !self.is_on() => Some("telemetry is off (WAYBILL_TELEMETRY, OTEL_SDK_DISABLED)"),
            () if !self.otel.exports_spans() => Some("OTEL_TRACES_EXPORTER is none"),
            () if !samples.contains(&format!("{:?}", self.otel.sampler())) => {
                Some("OTEL_TRACES_SAMPLER leaves traces out")
            }
            () if !self.otel.propagators().0 => Some("OTEL_PROPAGATORS has no tracecontext"),
            () => None,
        }
    }

    /// Whether spans and logs are exported.
    pub fn is_on(&self) -> bool {
        self.telemetry.is_on() && !self.otel.is_disabled()
    }
}

/// Parses a filter of log lines.
fn log_filter(text: &str) -> Result<String, String> {
    let text = text.trim();
    match filters::stdout::<tracing_subscriber::Registry>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("must be a filter such as `info` or `warn,bus=debug`".to_owned()),
    }
}
