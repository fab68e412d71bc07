//! Whether, how often and where the canary looks.

use std::time::Duration;

use url::Url;

/// Default timeout of the canary's checks.
const LIMIT_SECONDS: u64 = 20;

/// The canary: a small job at intervals, checked in every signal.
#[derive(Debug, Clone, clap::Args)]
pub struct CanaryConfig {
    /// Seconds between two canary jobs, each checked in every signal; 0 switches the canary off.
    #[arg(
        long,
        env = "WAYBILL_CANARY_SECONDS",
        value_name = "S",
        default_value_t = 0,
        value_parser = settings::seconds(0..=86_400)
    )]
    pub canary_seconds: u64,

    /// Seconds that a canary job may take, and that each of its signals may take afterwards.
    #[arg(
        long,
        env = "WAYBILL_CANARY_LIMIT_SECONDS",
        value_name = "S",
        default_value_t = LIMIT_SECONDS,
        value_parser = settings::seconds(1..=300)
    )]
    pub canary_limit_seconds: u64,

    /// Tempo, in which the canary also checks its trace.
    #[arg(long, env = "WAYBILL_TEMPO_URL", value_name = "URL", value_parser = settings::http_url)]
    pub canary_tempo_url: Option<Url>,

    /// Loki, in which the canary also checks its log lines.
    #[arg(long, env = "WAYBILL_LOKI_URL", value_name = "URL", value_parser = settings::http_url)]
    pub canary_loki_url: Option<Url>,

    /// Prometheus, in which the canary also checks an exemplar.
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
