//! Settings of the notifier.

use bus::WorkerConfig;

use crate::channel::WebhookConfig;

/// Tells owners how their jobs ended.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// What all workers share.
    #[command(flatten)]
    pub worker: WorkerConfig,
    /// The webhook channel.
    #[command(flatten)]
    pub webhook: WebhookConfig,
}
