//! What can be set. The standard `OTEL_…` variables hold as well; most of them the SDK reads by itself.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};

/// Time between two batches of spans: also the most that a killed process takes with it.
const SPAN_DELAY: Duration = Duration::from_millis(250);
/// Time between two batches of log records.
const LOG_DELAY: Duration = Duration::from_millis(400);
/// Most spans under way, in memory; what comes beyond is dropped and counted.
const SPANS_MAX: usize = 8_192;
/// Most log records under way, in memory; what comes beyond is dropped and counted.
const LOGS_MAX: usize = 4_096;
/// Most time for one batch to be sent, retries included; then it is dropped and counted.
const EXPORT_TIME_MAX: Duration = Duration::from_secs(2);

/// What goes to standard output unless said otherwise.
const LOG_FILTER: &str = "info,async_nats=warn";

/// Whether something is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

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
    #[arg(long, env = "LOKI_URL", value_name = "URL")]
    pub loki_url: Option<String>,

    /// File in which spans leave a line while they are on their way: after a kill, the next process on
    /// the same file tells what was lost. Without it a killed process takes its last spans with it.
    #[arg(long, env = "WAYBILL_BEGUN_SPANS", value_name = "FILE")]
    pub begun_spans: Option<PathBuf>,

    /// Which log lines go to standard output, such as `info` or `warn,bus=debug`. It filters no spans,
    /// and no logs over OTLP.
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = LOG_FILTER)]
    pub log: String,

    #[command(flatten)]
    pub(crate) otel: OtelVariables,
}

/// The standard variables in which the SDK differs from the specification or from this lab's defaults.
/// They are read leniently, as the specification asks: what cannot be read counts as not set.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct OtelVariables {
    #[arg(
        id = "otel-sdk-disabled",
        long = "otel-sdk-disabled",
        env = "OTEL_SDK_DISABLED",
        hide = true
    )]
    sdk_disabled: Option<String>,
    #[arg(
        id = "otel-service-name",
        long = "otel-service-name",
        env = "OTEL_SERVICE_NAME",
        hide = true
    )]
    service_name: Option<String>,
    #[arg(
        id = "otel-resource-attributes",
        long = "otel-resource-attributes",
        env = "OTEL_RESOURCE_ATTRIBUTES",
        hide = true
    )]
    resource_attributes: Option<String>,
    #[arg(
        id = "otel-bsp-schedule-delay",
        long = "otel-bsp-schedule-delay",
        env = "OTEL_BSP_SCHEDULE_DELAY",
        hide = true
    )]
    bsp_schedule_delay: Option<String>,
    #[arg(
        id = "otel-bsp-max-queue-size",
        long = "otel-bsp-max-queue-size",
        env = "OTEL_BSP_MAX_QUEUE_SIZE",
        hide = true
    )]
    bsp_max_queue_size: Option<String>,
    #[arg(
        id = "otel-blrp-schedule-delay",
        long = "otel-blrp-schedule-delay",
        env = "OTEL_BLRP_SCHEDULE_DELAY",
        hide = true
    )]
    blrp_schedule_delay: Option<String>,
    #[arg(
        id = "otel-blrp-max-queue-size",
        long = "otel-blrp-max-queue-size",
        env = "OTEL_BLRP_MAX_QUEUE_SIZE",
        hide = true
    )]
    blrp_max_queue_size: Option<String>,
    #[arg(
        id = "otel-exporter-otlp-timeout",
        long = "otel-exporter-otlp-timeout",
        env = "OTEL_EXPORTER_OTLP_TIMEOUT",
        hide = true
    )]
    otlp_timeout: Option<String>,
    #[arg(
        id = "otel-exporter-otlp-traces-timeout",
        long = "otel-exporter-otlp-traces-timeout",
        env = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        hide = true
    )]
    otlp_traces_timeout: Option<String>,
    #[arg(
        id = "otel-exporter-otlp-logs-timeout",
        long = "otel-exporter-otlp-logs-timeout",
        env = "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
        hide = true
    )]
    otlp_logs_timeout: Option<String>,
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
    /// The address of Loki, if one is set.
    pub(crate) fn loki_address(&self) -> Option<&str> {
        text(self.loki_url.as_ref())
    }

    /// Where spans leave a line, if anywhere and if spans go anywhere.
    pub(crate) fn begun_spans(&self) -> Option<&Path> {
        let path = self.begun_spans.as_deref().filter(|path| !path.as_os_str().is_empty());
        path.filter(|_| self.is_on())
    }

    /// The filter of standard output.
    pub(crate) fn log_filter(&self) -> &str {
        text(Some(&self.log)).unwrap_or(LOG_FILTER)
    }

    /// Whether spans and logs leave this process.
    pub fn is_on(&self) -> bool {
        let disabled = text(self.otel.sdk_disabled.as_ref());
        let disabled = disabled.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        self.telemetry == Switch::On && !disabled
    }
}

impl OtelVariables {
    pub(crate) fn service_name(&self) -> Option<&str> {
        text(self.service_name.as_ref())
    }

    pub(crate) fn resource_attributes(&self) -> &str {
        self.resource_attributes.as_deref().unwrap_or_default()
    }

    pub(crate) fn spans(&self) -> Batching {
        let time = number(self.otlp_traces_timeout.as_ref());
        Batching {
            limit: limit(self.bsp_max_queue_size.as_ref(), SPANS_MAX),
            delay: milliseconds(number(self.bsp_schedule_delay.as_ref()), SPAN_DELAY),
            export_time_max: self.export_time_max(time),
        }
    }

    pub(crate) fn logs(&self) -> Batching {
        let time = number(self.otlp_logs_timeout.as_ref());
        Batching {
            limit: limit(self.blrp_max_queue_size.as_ref(), LOGS_MAX),
            delay: milliseconds(number(self.blrp_schedule_delay.as_ref()), LOG_DELAY),
            export_time_max: self.export_time_max(time),
        }
    }

    fn export_time_max(&self, of_signal: Option<u64>) -> Duration {
        let time = of_signal.or_else(|| number(self.otlp_timeout.as_ref()));
        milliseconds(time, EXPORT_TIME_MAX)
    }
}

/// An empty variable counts as not set.
fn text(value: Option<&String>) -> Option<&str> {
    value.map(|value| value.trim()).filter(|value| !value.is_empty())
}

fn number(value: Option<&String>) -> Option<u64> {
    text(value)?.parse().ok().filter(|number| *number > 0)
}

fn limit(value: Option<&String>, default: usize) -> usize {
    number(value).map_or(default, |value| usize::try_from(value).unwrap_or(default))
}

fn milliseconds(value: Option<u64>, default: Duration) -> Duration {
    value.map_or(default, Duration::from_millis)
}
