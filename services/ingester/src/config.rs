//! Settings of the ingester.

use bus::WorkerConfig;
use contract::Stage;

/// Checks submitted jobs and raw events and queues them.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Settings of all workers.
    #[command(flatten)]
    pub worker: WorkerConfig,
    /// Allowed sources of raw events, separated by commas; a `*` at the end matches any suffix.
    #[arg(long, env = "WAYBILL_ALLOWED_SOURCES", value_name = "SOURCE,…", value_delimiter = ',', default_value = "/demo/*", value_parser = settings::trimmed)]
    pub allowed_sources: Vec<String>,
}

/// The allowed sources.
#[derive(Debug, Clone)]
pub(crate) struct Sources(Vec<String>);

impl Config {
    pub(crate) fn sources(&self) -> Sources {
        Sources(self.allowed_sources.clone())
    }
}

impl Sources {
    /// Whether events of `source` are allowed. Those of the gateway always are.
    pub(crate) fn allow(&self, source: &str) -> bool {
        is_gateway(source)
            || self.0.iter().any(|allowed| match allowed.strip_suffix('*') {
                Some(prefix) => source.starts_with(prefix),
                None => source == allowed,
            })
    }
}

/// Whether the event is a job that the gateway has checked and stored.
pub(crate) fn is_gateway(source: &str) -> bool {
    source.strip_prefix("/waybill/") == Some(Stage::Gateway.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_sources_and_the_gateway_are_let_in() {
        let sources = Sources(vec!["/demo/*".into(), "/shop".into()]);
        for source in ["/demo/load", "/demo/", "/shop", "/waybill/gateway"] {
            assert!(sources.allow(source), "{source}");
        }
        for source in ["/demo", "/shop/x", "/waybill/gateway/x", "/waybill/notifier", ""] {
            assert!(!sources.allow(source), "{source}");
        }
    }
}
