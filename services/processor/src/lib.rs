//! Runs jobs: claims them, runs their operations in order, and publishes their completion.
//!
//! Consumes `jobs.todo.>`, publishes `jobs.done.{outcome}`. A job is run by one worker at a time; if that
//! worker is lost, another one takes the job over.
//!
//! The kinds of operation, and how each one runs, are crate `operations`.
//!
//! - [`isolation`]: the operations of a job that was interrupted before, in a child process
//! - `job_run`: one run of a job; `operation_run`: one operation of it, visible while it runs

pub mod isolation;

mod config;
mod job_run;
mod operation_run;
mod tiles;

use bus::ServiceContext;
pub use config::Config;
use contract::{Stage, topology};
use jobs::{Claims, worker};
use runtime::stop::Stop;

/// The stage of this service.
pub const STAGE: Stage = Stage::Processor;

/// Runs the processor until the stop.
pub async fn run(config: Config, service: ServiceContext, stop: Stop) -> anyhow::Result<()> {
    worker::run(topology::PROCESSOR, &config.worker, service, stop, async |jobs, ack_wait| {
        Ok(job_run::RunJobs { claims: Claims::new(jobs.clone(), ack_wait), jobs })
    })
    .await
}
