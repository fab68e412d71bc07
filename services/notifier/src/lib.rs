//! Tells the owners of jobs how they ended: a line in the log, or a webhook.
//!
//! Reads `jobs.done.>`, whatever the outcome. A notice is sent at least once, always with the same id.
//!
//! - [`channel`]: where notices go
//! - `announce`: which channel, whether it is wanted, and what to do when it fails
//! - `attempted`: which redelivered notifications have had no delivery attempt yet

pub mod channel;

mod announce;
mod attempted;
mod config;

use attempted::Attempted;
use bus::{ServiceContext, worker};
pub use config::Config;
use contract::{Stage, signals, topology};
use runtime::stop::Stop;

/// The stage this service is.
pub const STAGE: Stage = Stage::Notifier;

/// Runs the notifier until the stop.
pub async fn run(config: Config, service: ServiceContext, stop: Stop) -> anyhow::Result<()> {
    let metrics = service.metrics.clone();
    let hosts = channel::Hosts::new(usize::from(config.worker.slots), move |away| {
        metrics.set(&signals::WEBHOOK_BREAKERS_OPEN, &[], away as f64);
    });
    let webhook = channel::Webhook::new(&config.webhook, hosts)?;
    let age_max = config.webhook.age_max();
    let handler = async |bus, _| {
        Ok(announce::Announce { bus, webhook, age_max, attempted: Attempted::default() })
    };
    worker::run(topology::NOTIFIER, &config.worker, service, stop, handler).await
}
