//! The settings of the query proxy.

use std::net::SocketAddr;

use runtime::admin::AdminConfig;
use url::Url;

/// Listeners of the query proxy and their backends. A backend without a URL has no listener.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Address for queries to Prometheus. Port 0 picks a free one, here and below.
    #[arg(long, env = "WAYBILL_PROXY_PROMETHEUS_BIND", default_value = "127.0.0.1:9090", value_name = "ADDRESS", value_parser = settings::listen_address)]
    pub prometheus_bind: SocketAddr,
    /// URL of Prometheus, such as http://prometheus:9090.
    #[arg(long, env = "WAYBILL_PROMETHEUS_URL", value_name = "URL", value_parser = settings::http_url)]
    pub prometheus: Option<Url>,
    /// Address for queries to Loki.
    #[arg(long, env = "WAYBILL_PROXY_LOKI_BIND", default_value = "127.0.0.1:3100", value_name = "ADDRESS", value_parser = settings::listen_address)]
    pub loki_bind: SocketAddr,
    /// URL of Loki, such as http://loki:3100.
    #[arg(long, env = "WAYBILL_LOKI_URL", value_name = "URL", value_parser = settings::http_url)]
    pub loki: Option<Url>,
    /// Address for queries to Tempo.
    #[arg(long, env = "WAYBILL_PROXY_TEMPO_BIND", default_value = "127.0.0.1:3200", value_name = "ADDRESS", value_parser = settings::listen_address)]
    pub tempo_bind: SocketAddr,
    /// URL of Tempo, such as http://tempo:3200.
    #[arg(long, env = "WAYBILL_TEMPO_URL", value_name = "URL", value_parser = settings::http_url)]
    pub tempo: Option<Url>,

    #[command(flatten)]
    /// Health and metrics, and additional host names of the proxy.
    pub admin: AdminConfig,
}
