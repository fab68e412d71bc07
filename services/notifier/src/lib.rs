//! Tells the owners of jobs how they ended: a line in the log, or a webhook.
//!
//! Reads `jobs.done.>`, whatever the outcome. A notice is sent at least once, always with the same id.
//!
//! - [`channel`]: where notices go
//! - `announce`: which channel, whether it is wanted, and what to do when it fails

pub mod channel;

mod announce;
mod config;

use bus::{Vitals, worker};
pub use config::Config;
use contract::{Stage, topology};
use service::stop::Stop;

/// The stage this service is.
pub const STAGE: Stage = Stage::Notifier;

/// Runs the notifier until the stop.
pub async fn run(config: Config, vitals: Vitals, stop: Stop) -> anyhow::Result<()> {
    let webhook = channel::Webhook::new(&config.webhook)?;
    let handler = async |bus, _| Ok(announce::Announce { bus, webhook });
    worker::run(topology::NOTIFIER, &config.worker, vitals, stop, handler).await
}
