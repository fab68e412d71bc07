//! Signs webhooks (Standard Webhooks, symmetric, `v1`).

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use settings::WebhookSecret;
use sha2::Sha256;

/// The value of `webhook-signature`: one signature per secret, separated by spaces. `None` without secrets.
pub(super) fn of(
    secrets: &[WebhookSecret],
    id: &str,
    timestamp: u64,
    body: &str,
) -> Option<String> {
    let signatures: Vec<_> =
        secrets.iter().map(|secret| sign(secret, id, timestamp, body)).collect();
    (!signatures.is_empty()).then(|| signatures.join(" "))
}

/// The signature of a message sent at `timestamp`, in Unix seconds.
fn sign(secret: &WebhookSecret, id: &str, timestamp: u64, body: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.key()).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn signatures_are_those_of_the_reference_library(
            key in prop::collection::vec(any::<u8>(), 24..=64),
            id in "[a-z0-9:-]{1,60}", timestamp in 0_u32.., body in ".{0,200}",
        ) {
            let text = format!("whsec_{}", BASE64_STANDARD.encode(&key));
            let secret: WebhookSecret = text.parse().unwrap();
            let reference = standardwebhooks::Webhook::new(&text).unwrap();
            let expected = reference.sign(&id, i64::from(timestamp), body.as_bytes()).unwrap();
            prop_assert_eq!(sign(&secret, &id, timestamp.into(), &body), expected);
        }
    }
}
