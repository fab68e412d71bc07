//! Catches webhooks, so that a lab can show what owners of jobs and receivers of alerts are told.
//!
//! - `receive`: `POST /hooks/{name}`
//! - `hook`: what is read from a webhook
//! - `inbox`: the newest of each name, bounded in number and in bytes
//! - `signature`: who sent it
//! - `answer`: what the sender wants to be answered, so that retries can be shown

mod answer;
mod hook;
mod inbox;
mod receive;
mod signature;

use std::time::UNIX_EPOCH;

use runtime::clock::Clock;
use settings::WebhookSecrets;

pub(crate) use hook::{Hook, is_name};
pub(crate) use inbox::{HookSummary, Inbox, KEPT_MAX, NAMES_MAX};
pub(crate) use receive::{BODY_BYTES_MAX, receive};
pub(crate) use signature::Signature;

/// Everything that was caught, and what it is checked with.
#[derive(Debug)]
pub(crate) struct Hooks {
    pub(crate) inbox: Inbox,
    secrets: WebhookSecrets,
    clock: Clock,
}

impl Hooks {
    /// Checks signatures if there is a secret.
    pub(crate) fn new(secrets: WebhookSecrets, clock: Clock) -> Self {
        Self { inbox: Inbox::default(), secrets, clock }
    }

    /// Whether signatures can be checked.
    pub(crate) fn checks(&self) -> bool {
        !self.secrets.as_slice().is_empty()
    }

    /// Whose webhook it is. By true time: a signature is not judged by a clock that is bent for a demo.
    fn judge(&self, hook: &Hook) -> Signature {
        let now = self.clock.true_now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        signature::judge(self.secrets.as_slice(), hook, now)
    }
}
