//! `waybill topology apply`: makes streams, consumers and buckets, or brings them up to date.

use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::{Client, connection::State, jetstream};
use bus::{BusConfig, connect, topology::TopologyConfig};
use clap::parser::ValueSource;
use lab::PortArgs;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    environment::Sources,
    exit::Exit,
    terminal::{print, print_error},
};

/// Wait for the broker beyond which the user is told.
const SILENT_WAIT: Duration = Duration::from_secs(2);
/// Pause between two looks at the connection.
const PAUSE: Duration = Duration::from_millis(20);
/// How long one answer of the broker may take while streams are made: it may write to a slow disk.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Make what the broker must hold: streams, consumers, buckets
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Topology {
    Apply(Box<Apply>),
}

/// Make streams, consumers and buckets, or bring them up to date; repeating it changes nothing
#[derive(Debug, clap::Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    topology: TopologyConfig,
    #[command(flatten)]
    bus: BusConfig,
    #[command(flatten)]
    ports: PortArgs,
    /// Print JSON: what is there now, in `applied`
    #[arg(long)]
    json: bool,
    /// Where the flags have their values from.
    #[arg(skip)]
    sources: Sources,
}

impl Topology {
    /// Remembers where its flags have their values from.
    pub(crate) fn set_sources(&mut self, sources: Sources) {
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
    /// The broker's own address is the most exact; without it the ports lead there, as for every command. What is
    /// on the command line wins over variables.
    fn find_broker(&mut self) {
        let rank = |flag| match self.sources.get(flag) {
            Some((ValueSource::CommandLine, _)) => 2,
            Some((ValueSource::EnvVariable, _)) => 1,
            _ => 0,
        };
        if rank("port_base") > rank("nats_url") {
            self.bus.nats_url = format!("nats://127.0.0.1:{}", self.ports.ports().nats);
        }
    }

    async fn run(&self) -> anyhow::Result<Exit> {
        let client = connect::open("topology", &self.bus).await?;
        self.connected(&client).await?;
        let jetstream = jetstream::ContextBuilder::new().timeout(ANSWER_LIMIT).build(client);
        let applied = bus::topology::apply(&jetstream, &self.topology)
            .await
            .with_context(|| format!("the broker at {} cannot be prepared", self.bus.nats_url))?;
        if self.json {
            print(&format!("{:#}\n", json!({"applied": applied})));
        } else {
            print(&format!(
                "{}\nthe broker at {} is ready\n",
                applied.join("\n"),
                self.bus.nats_url
            ));
        }
        Ok(Exit::Done)
    }

    async fn connected(&self, client: &Client) -> anyhow::Result<()> {
        let BusConfig { nats_url: url, broker_wait_seconds: seconds, .. } = &self.bus;
        let began = Instant::now();
        let mut told = false;
        while client.connection_state() != State::Connected {
            if began.elapsed() >= Duration::from_secs(*seconds) {
                bail!(
                    "no broker at {url} within {seconds} s: is nats-server running there? Name it with --nats-url"
                );
            }
            if !told && began.elapsed() >= SILENT_WAIT {
                told = true;
                print_error(&format!("waiting for the broker at {url}, {seconds} s at most\n"));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }
}
