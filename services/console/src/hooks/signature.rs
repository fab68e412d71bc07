//! Signatures of Standard Webhooks, symmetric, version `v1`.
//!
//! The library `standardwebhooks` reads the system's clock and does not tell a replay from a wrong signature.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use settings::WebhookSecret;
use sha2::Sha256;

use super::fields::HookFields;

/// The prefix of signatures of this version.
const VERSION: &str = "v1,";
/// How far a signature's timestamp may be off, in seconds: what the standard recommends against replays.
const TOLERANCE_SECONDS: u64 = 300;

/// The result of checking a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Signature {
    /// Made with the console's secret, and the timestamp is within the tolerance.
    Valid,
    /// Made with the console's secret, but the timestamp is not within the tolerance: a replay, or clocks that differ.
    OutOfTime,
    /// Made with another secret, or for another body, id or timestamp.
    Wrong,
    /// The webhook has no signature.
    Unsigned,
    /// The webhook has a signature, but the console has no secret.
    Unchecked,
}

/// Checks the signatures of a webhook that arrives at `now`, in Unix seconds. One correct signature of several, made with
/// one secret of several, is enough: that is how secrets are rotated.
pub(super) fn check(
    secrets: &[WebhookSecret],
    fields: &HookFields,
    body: &str,
    now: u64,
) -> Signature {
    let Some(signatures) = &fields.signature else { return Signature::Unsigned };
    if secrets.is_empty() {
        return Signature::Unchecked;
    }
    let (Some(id), Some(timestamp)) = (&fields.id, &fields.timestamp) else {
        return Signature::Wrong;
    };
    let content = format!("{id}.{timestamp}.{body}");
    let signatures: Vec<Vec<u8>> = signatures.split(' ').filter_map(decode).collect();
    let matches = |secret: &WebhookSecret| {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.key()).expect("HMAC takes keys of any length");
        mac.update(content.as_bytes());
        signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
    };
    if !secrets.iter().any(matches) {
        return Signature::Wrong;
    }
    match timestamp.parse::<u64>() {
        Ok(sent) if sent.abs_diff(now) <= TOLERANCE_SECONDS => Signature::Valid,
        _ => Signature::OutOfTime,
    }
}

/// The bytes of one signature; `None` for another version.
fn decode(signature: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(signature.strip_prefix(VERSION)?).ok()
}
