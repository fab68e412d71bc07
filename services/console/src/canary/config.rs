//! Interval, timeout and backends of the canary's checks.

use std::time::Duration;

use url::Url;

/// Default timeout of the canary's checks.
const LIMIT_SECONDS: u64 = 20;

/// The canary: a small job at intervals, checked in every signal.
#[derive(Debug, Clone, clap::Args)]
pub struct CanaryConfig {
    /// Interval between canary jobs, in seconds; 0 disables. For each, the console checks that its trace, logs and metrics
    /// arrive.
    #[arg(
        long,
        env = "WAYBILL_CANARY_SECONDS",
        value_name = "S",
        default_value_t = 0,
        value_parser = settings::seconds(0..=86_400)
    )]
    pub canary_seconds: u64,

    /// Timeout in seconds for a canary job, and then for each of its signals to become queryable.
    #[arg(
        long,
        env = "WAYBILL_CANARY_LIMIT_SECONDS",
        value_name = "S",
        default_value_t = LIMIT_SECONDS,
        value_parser = settings::seconds(1..=300)
    )]
    pub canary_limit_seconds: u64,

    /// URL of Tempo, in which the canary also checks the trace of its job.
    #[arg(long, env = "WAYBILL_TEMPO_URL", value_name = "URL", value_parser = settings::http_url)]
    pub canary_tempo_url: Option<Url>,

    /// URL of Loki, in which the canary also checks the log lines of its job.
    #[arg(long, env = "WAYBILL_LOKI_URL", value_name = "URL", value_parser = settings::http_url)]
    pub canary_loki_url: Option<Url>,

    /// URL of Prometheus, in which the canary also checks for an exemplar of its trace.
    #[arg(long, env = "WAYBILL_PROMETHEUS_URL", value_name = "URL", value_parser = settings::http_url)]
    pub canary_prometheus_url: Option<Url>,
}

impl CanaryConfig {
    /// The time between two canaries; `None` when it is off.
    pub(crate) fn every(&self) -> Option<Duration> {
        (self.canary_seconds > 0).then(|| Duration::from_secs(self.canary_seconds))
    }

    /// How long the job and then each check may take.
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_secs(self.canary_limit_seconds)
    }
}

impl Default for CanaryConfig {
    /// Off.
    fn default() -> Self {
        Self {
            canary_seconds: 0,
            canary_limit_seconds: LIMIT_SECONDS,
            canary_tempo_url: None,
            canary_loki_url: None,
            canary_prometheus_url: None,
        }
    }
}
