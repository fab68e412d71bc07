//! Admits jobs: checks source, type and form, removes duplicates, fills in defaults, and queues the jobs for the
//! processors.
//!
//! Consumes `jobs.submitted.>`, publishes `jobs.todo.{kind}`. Any number of ingesters may run.

mod admit;
mod config;
mod seen;

use bus::ServiceContext;
pub use config::Config;
use contract::{Stage, topology};
use jobs::worker;
use runtime::stop::Stop;

/// The stage of this service.
pub const STAGE: Stage = Stage::Ingester;

/// Runs the ingester until the stop.
pub async fn run(config: Config, service: ServiceContext, stop: Stop) -> anyhow::Result<()> {
    let sources = config.sources();
    worker::run(topology::INGESTER, &config.worker, service, stop, async |jobs, _| {
        admit::Admit::new(jobs, sources).await
    })
    .await
}
