//! A complete worker process: admin server, broker connection and work loop, in this order.

use std::{sync::Arc, time::Duration};

use contract::topology::Consumer;
use nats::Readiness;
use runtime::{
    admin::{self, AdminConfig},
    stop::Stop,
};

use crate::{Bus, BusConfig, Handler, ServiceContext, pull};

/// Settings of every worker.
#[derive(Debug, Clone, clap::Args)]
pub struct WorkerConfig {
    /// The broker.
    #[command(flatten)]
    pub bus: BusConfig,
    /// Health and metrics.
    #[command(flatten)]
    pub admin: AdminConfig,
    /// Maximum jobs in flight in this worker. Jobs mostly wait for the broker, so high values are fine; CPU work is
    /// limited separately.
    #[arg(long, env = "WAYBILL_SLOTS", default_value_t = 64, value_parser = settings::whole(1_u16..=1024))]
    pub slots: u16,
}

/// Runs a worker until the stop. `handler` creates the handler once the broker is connected; it gets the consumer's ack
/// wait.
pub async fn run<H: Handler>(
    consumer: Consumer,
    config: &WorkerConfig,
    service: ServiceContext,
    stop: Stop,
    handler: impl AsyncFnOnce(Arc<Bus>, Duration) -> anyhow::Result<H>,
) -> anyhow::Result<()> {
    let readiness = Readiness::default();
    let _admin =
        admin::serve(&config.admin, service.metrics.clone(), readiness.for_admin(), stop.clone())?;
    let bus = tokio::select! {
        () = stop.soft.cancelled() => return Ok(()),
        bus = Bus::connect(consumer.stage, &config.bus, service, &readiness) => bus?,
    };
    let ack_wait = bus.nats.ack_wait(consumer).await?;
    let handler = handler(bus.clone(), ack_wait).await?;
    pull::work(bus, consumer, handler, usize::from(config.slots), stop).await
}
