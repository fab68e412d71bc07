//! Whether a webhook comes from whom it should: Standard Webhooks, symmetric, `v1`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use settings::WebhookSecret;
use sha2::Sha256;

use super::Hook;

/// What signatures of this version begin with.
const VERSION: &str = "v1,";
/// How far a signature's time may be off, in seconds: what the standard advises against replays.
const TOLERANCE_SECONDS: u64 = 300;

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

/// The verdict on the signatures of a webhook that arrives at `now`, in Unix seconds. One right
/// signature of several is enough, made with any secret of several: that is how secrets are changed.
pub(super) fn judge(secrets: &[WebhookSecret], hook: &Hook, now: u64) -> Signature {
    let Some(given) = &hook.said.signature else { return Signature::Unsigned };
    if secrets.is_empty() {
        return Signature::Unchecked;
    }
    let (Some(id), Some(timestamp)) = (&hook.said.id, &hook.said.timestamp) else {
        return Signature::Wrong;
    };
    let content = format!("{id}.{timestamp}.{}", hook.body);
    let given: Vec<Vec<u8>> = given.split(' ').filter_map(decoded).collect();
    let is_of = |secret: &WebhookSecret| {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.key()).expect("HMAC takes keys of any length");
        mac.update(content.as_bytes());
        given.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
    };
    if !secrets.iter().any(is_of) {
        return Signature::Wrong;
    }
    match timestamp.parse::<u64>() {
        Ok(sent) if sent.abs_diff(now) <= TOLERANCE_SECONDS => Signature::Valid,
        _ => Signature::OutOfTime,
    }
}

/// The bytes of one signature, if it is of this version.
fn decoded(signature: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(signature.strip_prefix(VERSION)?).ok()
}
