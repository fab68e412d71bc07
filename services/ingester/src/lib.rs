//! Lets jobs in: from allowed sources, of known types, well-formed, each only once; fills in what the
//! client left open, and queues them for the processors.
//!
//! Reads `jobs.submitted.>`, writes `jobs.todo.{kind}`. Safe to run many times over.

mod admit;
mod config;
mod seen;

use bus::{ServiceContext, worker};
pub use config::Config;
use contract::{Stage, topology};
use runtime::stop::Stop;

/// The stage this service is.
pub const STAGE: Stage = Stage::Ingester;

/// Runs the ingester until the stop.
pub async fn run(config: Config, service: ServiceContext, stop: Stop) -> anyhow::Result<()> {
    let sources = config.sources();
    worker::run(topology::INGESTER, &config.worker, service, stop, async |bus, _| {
        admit::Admit::new(bus, sources).await
    })
    .await
}
