//! The notification channels: log and webhook.
//!
//! The handler chooses the channel, checks whether the job wants a notification, and decides when to try again.

pub mod log;

mod client;
mod context;
mod hosts;
mod notification;
mod public_dns;
mod response;
mod settings;
mod signature;
mod webhook;

pub use hosts::Hosts;
pub use notification::Notification;
pub use response::{RETRY_AFTER_MAX, Sent};
pub use settings::WebhookConfig;
pub use webhook::Webhook;

#[cfg(test)]
mod tests;
