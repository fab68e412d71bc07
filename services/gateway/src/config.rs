//! Settings of the gateway.

use std::net::SocketAddr;

use bus::BusConfig;
use contract::webhook::AllowList;
use runtime::{admin::AdminConfig, names::NamesConfig};

/// Accepts jobs over HTTP and shows their state.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Address of the HTTP API. Port 0 picks a free one.
    #[arg(
        long,
        env = "WAYBILL_GATEWAY_BIND",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        value_parser = settings::listen_address
    )]
    pub gateway_bind: SocketAddr,

    /// Addresses that webhooks may use although they are not public: exact host:port pairs,
    /// separated by commas.
    #[arg(
        long,
        env = "WAYBILL_WEBHOOK_ALLOW",
        value_name = "HOST:PORT,…",
        default_value = "",
        hide_default_value = true
    )]
    pub webhook_allow: AllowList,

    /// Name servers that resolve the hosts of webhooks.
    #[command(flatten)]
    pub names: NamesConfig,

    /// Continue the trace in a client's `traceparent`. Without this flag a job starts a new trace,
    /// which links to the client's.
    #[arg(long, env = "WAYBILL_TRUST_TRACEPARENT", value_parser = settings::switched_on)]
    pub trust_traceparent: bool,

    /// The broker.
    #[command(flatten)]
    pub bus: BusConfig,

    /// Health and metrics. Its additional host names also apply to the HTTP API.
    #[command(flatten)]
    pub admin: AdminConfig,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    #[test]
    fn a_wrong_allow_list_is_refused_at_the_start() {
        let wrong = Cli::try_parse_from(["gateway", "--webhook-allow", "127.0.0.1"]);
        let error = wrong.err().unwrap().to_string();
        assert!(error.contains("host:port"), "{error}");
    }
}
