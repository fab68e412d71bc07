//! Whether, how often and where the canary looks.

use std::time::Duration;

use url::Url;

/// How long the canary looks for what its job left, unless told.
const LIMIT_SECONDS: u64 = 20;

/// The canary: a small job now and then, followed through every signal.
#[derive(Debug, Clone, clap::Args)]
pub struct CanaryConfig {
    /// Seconds between two canary jobs, each looked for in every signal; 0 is off.
    #[arg(
        long,
        env = "WAYBILL_CANARY_SECONDS",
        value_name = "S",
        default_value_t = 0,
        value_parser = settings::seconds(0..=86_400)
    )]
    pub canary_seconds: u64,

    /// Seconds that a canary job may take, and after it each of its signals until it is found.
    #[arg(
        long,
        env = "WAYBILL_CANARY_LIMIT_SECONDS",
        value_name = "S",
        default_value_t = LIMIT_SECONDS,
        value_parser = settings::seconds(1..=300)
    )]
    pub canary_limit_seconds: u64,

    /// Tempo, where the canary looks for its trace too.
    #[arg(long, env = "WAYBILL_TEMPO_URL", value_name = "URL", value_parser = settings::http_url)]
    pub canary_tempo_url: Option<Url>,

    /// Loki, where the canary looks for its log lines too.
    #[arg(long, env = "WAYBILL_LOKI_URL", value_name = "URL", value_parser = settings::http_url)]
    pub canary_loki_url: Option<Url>,

    /// Prometheus, where the canary looks for an exemplar too.
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
