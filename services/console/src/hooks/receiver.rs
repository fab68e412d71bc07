//! The received webhooks, and the secrets to check new ones.

use std::time::UNIX_EPOCH;

use runtime::clock::Clock;
use settings::WebhookSecrets;

use super::fields::HookFields;
use super::inbox::Inbox;
use super::signature::{self, Signature};

/// The state of the webhook receiver.
#[derive(Debug)]
pub(crate) struct Hooks {
    pub(crate) inbox: Inbox,
    secrets: WebhookSecrets,
    clock: Clock,
}

impl Hooks {
    /// Signatures are checked if there is a secret.
    pub(crate) fn new(secrets: WebhookSecrets, clock: Clock) -> Self {
        Self { inbox: Inbox::default(), secrets, clock }
    }

    /// Whether signatures are checked.
    pub(crate) fn checks(&self) -> bool {
        !self.secrets.as_slice().is_empty()
    }

    /// Timestamp of an arrival, in Unix milliseconds.
    pub(super) fn now_ms(&self) -> i64 {
        self.clock.stamp_ms()
    }

    /// Checks the signature by true time, not by a clock that is skewed for a demo.
    pub(super) fn check(&self, fields: &HookFields, body: &str) -> Signature {
        let now = self.clock.true_now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        signature::check(self.secrets.as_slice(), fields, body, now)
    }
}
