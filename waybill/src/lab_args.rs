//! The flags that locate a lab, shared by every command that connects to one.

use client::{AdminClient, ConsoleClient, GatewayClient};
use contract::Stage;
use lab::{PortArgs, Ports};
use url::Url;

/// The flags that locate a lab.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Lab address")]
pub(crate) struct LabArgs {
    #[command(flatten)]
    ports: PortArgs,
    /// URL of the gateway [default: 127.0.0.1, port from --port-base or 8080]
    #[arg(long, env = "WAYBILL_GATEWAY_URL", value_name = "URL", value_parser = settings::http_url)]
    gateway_url: Option<Url>,
    /// URL of the console [default: 127.0.0.1, port from --port-base or 8090]
    #[arg(long, env = "WAYBILL_CONSOLE_URL", value_name = "URL", value_parser = settings::http_url)]
    console_url: Option<Url>,
}

impl LabArgs {
    /// The lab on `ports` of this machine.
    pub(crate) fn on(ports: Ports) -> Self {
        Self {
            gateway_url: Some(local(ports.gateway)),
            console_url: Some(local(ports.console)),
            ..Self::default()
        }
    }

    pub(crate) fn gateway(&self) -> anyhow::Result<GatewayClient> {
        let url = self.gateway_url.clone();
        GatewayClient::new(&url.unwrap_or_else(|| local(self.ports.ports().gateway)))
    }

    /// The admin server of the ingester. `None` if only the URL of the gateway is known: the ingester
    /// may then run on any port.
    pub(crate) fn ingester(&self) -> anyhow::Result<Option<AdminClient>> {
        let known = self.gateway_url.is_none();
        let port = self.ports.ports().ingester_admin;
        known.then(|| AdminClient::new(Stage::Ingester.name(), port)).transpose()
    }

    pub(crate) fn console(&self) -> anyhow::Result<ConsoleClient> {
        let url = self.console_url.clone();
        ConsoleClient::new(&url.unwrap_or_else(|| local(self.ports.ports().console)))
    }
}

fn local(port: u16) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}")).expect("a port makes a valid URL")
}
