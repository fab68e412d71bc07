//! The bus of a process: its connection to the broker, its stage, and how its spans refer to each other.

use std::sync::Arc;

use contract::Stage;
use nats::{Connection, NatsConfig, Readiness};
use settings::Switch;

use crate::ServiceContext;

/// How a service reaches the broker, and how it passes context on.
#[derive(Debug, Clone, clap::Args)]
pub struct BusConfig {
    /// The connection.
    #[command(flatten)]
    pub nats: NatsConfig,
    /// How a consumer span refers to its producer span: as its child, by a link, or both.
    #[arg(long, env = "WAYBILL_TRACE_CONTEXT", value_name = "both|parent|link", default_value = "both", value_parser = settings::word::<TraceContext>)]
    pub trace_context: TraceContext,
    /// Whether injected faults take effect.
    #[arg(long, env = "WAYBILL_FAULTS", value_name = "on|off", default_value = "off")]
    pub faults: Switch,
}

/// How a consumer span refers to its producer span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TraceContext {
    /// Child and link.
    Both,
    /// Child only.
    Parent,
    /// Link only: each stage starts its own trace.
    Link,
}

/// What a process needs to receive and publish messages. Clones share it.
#[derive(Clone)]
pub struct Bus {
    /// The stage of this process.
    pub stage: Stage,
    /// Clock, metrics and spans of this process.
    pub service: ServiceContext,
    /// The connection to the broker.
    pub nats: Connection,
    pub(crate) trace_context: TraceContext,
}

impl Bus {
    /// Connects and waits for the topology, for as long as `config` allows; `readiness` shows how far it is.
    pub async fn connect(
        stage: Stage,
        config: &BusConfig,
        service: ServiceContext,
        readiness: &Readiness,
    ) -> anyhow::Result<Arc<Self>> {
        let nats = Connection::open(stage, &config.nats, readiness).await?;
        Ok(Arc::new(Self { stage, service, nats, trace_context: config.trace_context }))
    }
}
