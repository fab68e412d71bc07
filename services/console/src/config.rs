//! The console's settings.

use std::net::{Ipv4Addr, SocketAddr};

use runtime::admin::AdminConfig;
use runtime::http_guard::HostsConfig;
use settings::WebhookSecrets;
use url::Url;

use crate::canary::CanaryConfig;
use crate::grafana::GrafanaUrl;
use crate::scrape::ScrapeConfig;
use crate::store::StoreLimits;

const SPANS_MAX: usize = 200_000;
const LOGS_MAX: usize = 100_000;
const SERIES_MAX: usize = 20_000;
const MEMORY_MIB: usize = 256;

/// Settings of the console: addresses, limits of the store, gateway.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Address of the web page and the JSON API.
    #[arg(long, env = "WAYBILL_CONSOLE_BIND", default_value = "127.0.0.1:8090", value_name = "ADDRESS", value_parser = settings::listen_address)]
    pub console_bind: SocketAddr,

    /// Address that receives OTLP over gRPC.
    #[arg(long, env = "WAYBILL_OTLP_GRPC_BIND", default_value = "127.0.0.1:4317", value_name = "ADDRESS", value_parser = settings::listen_address)]
    pub otlp_grpc_bind: SocketAddr,

    /// Address that receives OTLP over HTTP, as protobuf or JSON.
    #[arg(long, env = "WAYBILL_OTLP_HTTP_BIND", default_value = "127.0.0.1:4318", value_name = "ADDRESS", value_parser = settings::listen_address)]
    pub otlp_http_bind: SocketAddr,

    /// Maximum number of spans kept; above it, the traces that have gone longest without a new span are evicted.
    #[arg(long, env = "WAYBILL_CONSOLE_SPANS_MAX", default_value_t = SPANS_MAX, value_parser = settings::whole(1_usize..=1_000_000_000))]
    pub spans_max: usize,

    /// Maximum number of log lines kept; above it, the oldest are evicted.
    #[arg(long, env = "WAYBILL_CONSOLE_LOGS_MAX", default_value_t = LOGS_MAX, value_parser = settings::whole(1_usize..=1_000_000_000))]
    pub logs_max: usize,

    /// Maximum number of metric series kept, each with its latest point; above it, the series that have gone longest
    /// without a new point are evicted.
    #[arg(long, env = "WAYBILL_CONSOLE_SERIES_MAX", default_value_t = SERIES_MAX, value_parser = settings::whole(1_usize..=1_000_000_000))]
    pub series_max: usize,

    /// Memory for spans, log lines and metrics together, in MiB; the limit that is reached first applies. Three
    /// quarters of it are for the store, the rest for exports and pages in progress. From 128 on, the process uses at
    /// most half as much again.
    #[arg(long, env = "WAYBILL_CONSOLE_MEMORY_MIB", default_value_t = MEMORY_MIB, value_parser = settings::whole(1_usize..=1_048_576))]
    pub memory_mib: usize,

    /// Base URL of the gateway, for the recent jobs.
    #[arg(long, env = "WAYBILL_GATEWAY_URL", value_name = "URL", value_parser = settings::http_url, default_value = "http://127.0.0.1:8080")]
    pub gateway_url: Url,

    /// Scraped metrics.
    #[command(flatten)]
    pub scrape: ScrapeConfig,

    /// The canary.
    #[command(flatten)]
    pub canary: CanaryConfig,

    /// Secret that checks the signatures of received webhooks: that of the notifier, `whsec_` and base64, or the new
    /// and the old one, separated by a comma. Without it they are not checked.
    #[arg(
        long,
        env = "WAYBILL_WEBHOOK_SECRET",
        hide_env_values = true,
        value_name = "SECRET[,OLD]"
    )]
    pub webhook_secret: Option<WebhookSecrets>,

    /// URL at which the notifier reaches this console's webhook receiver; shown on the webhook page [default: the
    /// console's address].
    #[arg(long, env = "WAYBILL_HOOKS_URL", value_name = "URL", value_parser = settings::http_url)]
    pub hooks_url: Option<Url>,

    /// URL at which a browser reaches Grafana, such as http://127.0.0.1:3000. Pages link to it if it is set.
    #[arg(long, env = "WAYBILL_GRAFANA_URL", value_name = "URL")]
    pub grafana_url: Option<GrafanaUrl>,

    /// Health and metrics, and additional host names of all HTTP servers of the console.
    #[command(flatten)]
    pub admin: AdminConfig,
}

impl Config {
    /// The limits of the store.
    pub(crate) fn store_limits(&self) -> StoreLimits {
        StoreLimits {
            spans_max: self.spans_max,
            logs_max: self.logs_max,
            series_max: self.series_max,
            memory_mib: self.memory_mib,
        }
    }

    /// The defaults, on free loopback ports (see `RunningConsole`): for tests.
    pub fn on_free_ports() -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            console_bind: free,
            otlp_grpc_bind: free,
            otlp_http_bind: free,
            spans_max: SPANS_MAX,
            logs_max: LOGS_MAX,
            series_max: SERIES_MAX,
            memory_mib: MEMORY_MIB,
            gateway_url: Url::parse("http://127.0.0.1:8080").expect("a valid URL"),
            scrape: ScrapeConfig::default(),
            canary: CanaryConfig::default(),
            webhook_secret: None,
            hooks_url: None,
            grafana_url: None,
            admin: AdminConfig { admin_bind: free, hosts: HostsConfig::default() },
        }
    }
}
