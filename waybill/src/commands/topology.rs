//! `waybill topology apply`: creates or updates streams, consumers and buckets.

use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::{Client, connection::State, jetstream};
use bus::BusConfig;
use clap::parser::ValueSource;
use lab::PortArgs;
use nats::{NatsConfig, connect, topology::TopologyConfig};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    environment::SettingSources,
    exit::Exit,
    terminal::{print, print_error},
};

/// After this long without a broker, the user is informed.
const SILENT_WAIT: Duration = Duration::from_secs(2);
/// Poll interval for the connection.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Request timeout while streams are created: the broker may write to a slow disk.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Create what the lab needs on the broker: streams, consumers, buckets
#[derive(Debug, clap::Subcommand)]
pub(crate) enum TopologyCommand {
    Apply(Box<Apply>),
}

/// Create or update streams, consumers and buckets; idempotent
#[derive(Debug, clap::Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    topology: TopologyConfig,
    #[command(flatten)]
    bus: BusConfig,
    #[command(flatten)]
    ports: PortArgs,
    /// Print JSON: `applied` lists what exists now
    #[arg(long)]
    json: bool,
    /// Source of the value of each flag.
    #[arg(skip)]
    sources: SettingSources,
}

impl TopologyCommand {
    /// Sets the source of the value of each flag.
    pub(crate) fn set_sources(&mut self, sources: SettingSources) {
        let Self::Apply(apply) = self;
        apply.sources = sources;
    }

    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        let Self::Apply(mut apply) = self;
        apply.find_broker();
        apply.run().await
    }
}

impl Apply {
    /// The URL of the broker wins over the one derived from the ports, and the command line over variables.
    fn find_broker(&mut self) {
        let rank = |flag| match self.sources.get(flag) {
            Some((ValueSource::CommandLine, _)) => 2,
            Some((ValueSource::EnvVariable, _)) => 1,
            _ => 0,
        };
        if rank("port_base") > rank("nats_url") {
            self.bus.nats.nats_url = format!("nats://127.0.0.1:{}", self.ports.ports().nats);
        }
    }

    async fn run(&self) -> anyhow::Result<Exit> {
        let client = connect::open("topology", &self.bus.nats).await?;
        self.connected(&client).await?;
        let jetstream = jetstream::ContextBuilder::new().timeout(REQUEST_TIMEOUT).build(client);
        let applied =
            nats::topology::apply(&jetstream, &self.topology).await.with_context(|| {
                format!("cannot apply the topology to the broker at {}", self.bus.nats.nats_url)
            })?;
        if self.json {
            print(&format!("{:#}\n", json!({"applied": applied})));
        } else {
            print(&format!(
                "{}\nthe broker at {} is ready\n",
                applied.join("\n"),
                self.bus.nats.nats_url
            ));
        }
        Ok(Exit::Success)
    }

    async fn connected(&self, client: &Client) -> anyhow::Result<()> {
        let NatsConfig { nats_url: url, broker_wait_seconds: seconds, .. } = &self.bus.nats;
        let began = Instant::now();
        let mut informed = false;
        while client.connection_state() != State::Connected {
            if began.elapsed() >= Duration::from_secs(*seconds) {
                bail!(
                    "no broker at {url} within {seconds} s: is nats-server running there? Set its URL with --nats-url"
                );
            }
            if !informed && began.elapsed() >= SILENT_WAIT {
                informed = true;
                print_error(&format!("waiting for the broker at {url}, {seconds} s at most\n"));
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }
}
