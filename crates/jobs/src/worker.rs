//! A worker process of a stage.

use std::time::Duration;

use bus::{ServiceContext, WorkerConfig};
use contract::topology::Consumer;
use runtime::stop::Stop;

use crate::{
    Jobs,
    handler::{JobHandler, StageHandler},
};

/// Runs a worker until the stop. `stage` creates the stage's work once the broker is connected; it gets the consumer's
/// ack wait.
pub async fn run<H: JobHandler>(
    consumer: Consumer,
    config: &WorkerConfig,
    service: ServiceContext,
    stop: Stop,
    stage: impl AsyncFnOnce(Jobs, Duration) -> anyhow::Result<H>,
) -> anyhow::Result<()> {
    let faults_on = config.bus.faults.is_on();
    bus::worker::run(consumer, config, service, stop, async |bus, ack_wait| {
        let jobs = Jobs::open(bus, faults_on).await?;
        Ok(StageHandler { stage: stage(jobs.clone(), ack_wait).await?, jobs })
    })
    .await
}
