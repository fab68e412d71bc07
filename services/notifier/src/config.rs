//! Settings of the notifier.

use bus::WorkerConfig;

use crate::channel::WebhookConfig;

/// Notifies submitters of the outcome of their jobs.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Settings of all workers.
    #[command(flatten)]
    pub worker: WorkerConfig,
    /// The webhook channel.
    #[command(flatten)]
    pub webhook: WebhookConfig,
}
