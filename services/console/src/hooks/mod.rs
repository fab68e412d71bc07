//! The webhook receiver: shows the notifications that submitters of jobs and receivers of alerts get.
//!
//! - `receive`: `POST /hooks/{name}`
//! - `hook`: the fields of a webhook
//! - `inbox`: the newest of each name, bounded in number and in bytes
//! - `signature`: checks the signature
//! - `answer`: the response that the address requests, to simulate failures

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

/// The received webhooks, and the secrets to check them.
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

    /// Checks the signature by true time, not by a clock that is skewed for a demo.
    fn check(&self, hook: &Hook) -> Signature {
        let now = self.clock.true_now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        signature::judge(self.secrets.as_slice(), hook, now)
    }
}
