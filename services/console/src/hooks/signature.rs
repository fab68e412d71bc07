//! Whether a webhook comes from whom it should: Standard Webhooks, symmetric, `v1`.

use std::{convert::Infallible, fmt, str::FromStr};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Hook;

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// Lengths of a key, in bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// What signatures of this version begin with.
const VERSION: &str = "v1,";
/// How far a signature's time may be off, in seconds: what the standard advises against replays.
const TOLERANCE_SECONDS: u64 = 300;

/// The secret as it was given. Read by the console when it starts, and never shown.
#[derive(Clone)]
pub struct Secret(String);

/// The key in a secret.
#[derive(Clone)]
pub(super) struct Key(Vec<u8>);

/// What a signature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Signature {
    /// Made with the console's secret, within the last minutes.
    Valid,
    /// Made with the console's secret, but not now: a replay, or clocks that disagree.
    OutOfTime,
    /// Made with another secret, or for another body, id or time.
    Wrong,
    /// There is none.
    Unsigned,
    /// There is one, but the console has no secret.
    Unchecked,
}

impl FromStr for Secret {
    type Err = Infallible;

    /// Takes any text: an error here would be shown together with the text.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl Secret {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn key(&self) -> anyhow::Result<Key> {
        let key = self.0.strip_prefix(PREFIX).and_then(|key| BASE64_STANDARD.decode(key).ok());
        key.filter(|key| KEY_BYTES.contains(&key.len())).map(Key).context(
            "--webhook-secret (WAYBILL_WEBHOOK_SECRET) must be `whsec_` followed by 24 to 64 bytes in base64",
        )
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Key(…)")
    }
}

/// The verdict on the signatures of a webhook that arrives at `now`, in Unix seconds. One right
/// signature of several is enough: that is how secrets are changed.
pub(super) fn judge(key: Option<&Key>, hook: &Hook, now: u64) -> Signature {
    let Some(given) = &hook.said.signature else { return Signature::Unsigned };
    let Some(key) = key else { return Signature::Unchecked };
    let (Some(id), Some(timestamp)) = (&hook.said.id, &hook.said.timestamp) else {
        return Signature::Wrong;
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.{}", hook.body).as_bytes());
    let is_right = |signature: &str| {
        let signature = signature.strip_prefix(VERSION).map(|text| BASE64_STANDARD.decode(text));
        matches!(signature, Some(Ok(signature)) if mac.clone().verify_slice(&signature).is_ok())
    };
    if !given.split(' ').any(is_right) {
        return Signature::Wrong;
    }
    match timestamp.parse::<u64>() {
        Ok(sent) if sent.abs_diff(now) <= TOLERANCE_SECONDS => Signature::Valid,
        _ => Signature::OutOfTime,
    }
}
