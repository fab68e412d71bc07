//! Settings of the processor.

use bus::WorkerConfig;

/// Runs the operations of queued jobs.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Settings of all workers.
    #[command(flatten)]
    pub worker: WorkerConfig,
}
