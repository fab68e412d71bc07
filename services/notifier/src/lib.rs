//! Notifies submitters of the outcome of their jobs, by log or webhook.
//!
//! Consumes `jobs.done.>`, all outcomes. A notification is delivered at least once, always with the same id.
//!
//! - [`channel`]: the channels
//! - `notify`: the handler: chooses the channel, and settles the delivery
//! - `attempted`: which redelivered notifications have had no delivery attempt yet

pub mod channel;

mod attempted;
mod config;
mod notify;

use attempted::Attempted;
use bus::ServiceContext;
pub use config::Config;
use contract::{Stage, signals, topology};
use jobs::{Redeliveries, worker};
use runtime::stop::Stop;

/// The stage of this service.
pub const STAGE: Stage = Stage::Notifier;

/// Runs the notifier until the stop.
pub async fn run(config: Config, service: ServiceContext, stop: Stop) -> anyhow::Result<()> {
    let metrics = service.metrics.clone();
    let hosts = channel::Hosts::new(usize::from(config.worker.slots), move |open| {
        metrics.set(&signals::WEBHOOK_BREAKERS_OPEN, &[], open as f64);
    });
    let webhook = channel::Webhook::new(&config.webhook, hosts)?;
    let age_max = config.webhook.age_max();
    let handler = async |jobs, _| {
        let (attempted, redeliveries) = (Attempted::default(), Redeliveries::default());
        Ok(notify::Notifier { jobs, webhook, age_max, attempted, redeliveries })
    };
    worker::run(topology::NOTIFIER, &config.worker, service, stop, handler).await
}
