//! What can be set. The standard `OTEL_…` variables hold as well.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use opentelemetry_sdk::trace::Sampler;
use settings::Switch;
use url::Url;

use crate::{filters, otel::OtelVariables};

/// What goes to standard output unless said otherwise.
const LOG_FILTER: &str = "info,async_nats=warn";

/// Traces and logs. Endpoint, headers, sampler, limits: the standard `OTEL_…` variables.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Telemetry")]
pub struct TelemetryConfig {
    /// Whether spans and logs leave this process over OTLP. When off, jobs still have their trace ids,
    /// in logs and headers; metrics are served all the same.
    #[arg(long, env = "WAYBILL_TELEMETRY", value_name = "on|off", default_value = "on")]
    pub telemetry: Switch,

    /// Loki to push log lines to, beside OTLP, such as http://127.0.0.1:3100. With its own limits: lines
    /// carry true time, and OTLP is the better way.
    #[arg(long, env = "LOKI_URL", value_name = "URL", value_parser = settings::http_url)]
    pub loki_url: Option<Url>,

    /// File in which spans leave a line while they are on their way: after a kill, the next process on
    /// the same file tells what was lost. In a folder, each process takes a file of its own, and the next one
    /// that of a killed one. Without it a killed process takes its last spans with it.
    #[arg(long, env = "WAYBILL_SPAN_JOURNAL", value_name = "PATH")]
    pub span_journal: Option<PathBuf>,

    /// Which log lines go to standard output, such as `info` or `warn,bus=debug`. It filters no spans,
    /// and no logs over OTLP.
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = LOG_FILTER, value_parser = log_filter)]
    pub log: String,

    #[command(flatten)]
    pub(crate) otel: OtelVariables,
}

/// How one signal is batched and sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batching {
    /// Most items under way.
    pub(crate) limit: usize,
    /// Time between two batches.
    pub(crate) delay: Duration,
    /// Most time to send one.
    pub(crate) export_time_max: Duration,
}

impl TelemetryConfig {
    /// Where spans leave a line, if anywhere and if spans go anywhere.
    pub(crate) fn span_journal(&self) -> Option<&Path> {
        self.span_journal.as_deref().filter(|_| self.is_on() && self.otel.exports_spans())
    }

    /// The standard variables that cannot be used as they are, and what they may be.
    pub fn set_aside(&self) -> impl Iterator<Item = (String, String)> {
        let aside = self.otel.set_aside().into_iter();
        aside.map(|(name, must)| (name.to_owned(), format!("is set aside: {must}")))
    }

    /// Why not every trace leaves this process whole, if so.
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

    /// Whether spans and logs leave this process.
    pub fn is_on(&self) -> bool {
        self.telemetry.is_on() && !self.otel.is_disabled()
    }
}

/// Reads a filter of log lines.
fn log_filter(text: &str) -> Result<String, String> {
    let text = text.trim();
    match filters::stdout::<tracing_subscriber::Registry>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("must be a filter such as `info` or `warn,bus=debug`".to_owned()),
    }
}
