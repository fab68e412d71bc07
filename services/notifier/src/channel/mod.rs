//! Where notices go: one file a channel.
//!
//! Which channel a job asked for, whether it wants this outcome, and when to try again are the
//! caller's.

pub mod log;

mod answer;
mod client;
mod context;
mod hosts;
mod notice;
mod public_dns;
mod settings;
mod signature;
mod webhook;

pub use answer::{RETRY_AFTER_MAX, Sent};
pub use hosts::Hosts;
pub use notice::Notice;
pub use settings::WebhookConfig;
pub use webhook::Webhook;

#[cfg(test)]
mod tests;
