//! Settings of the processor.

use bus::WorkerConfig;

/// Runs the operations of queued jobs.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// What all workers share.
    #[command(flatten)]
    pub worker: WorkerConfig,
}
