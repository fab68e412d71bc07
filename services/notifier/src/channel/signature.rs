//! Signs webhooks so that their receiver knows who sent them (Standard Webhooks, symmetric, `v1`).

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// Lengths of a key, in bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The key that sender and receiver share. Written as `whsec_` and base64; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// Says that a text is no secret, without repeating it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret is `{PREFIX}` followed by 24 to 64 bytes in base64")]
pub struct NotASecret;

impl FromStr for Secret {
    type Err = NotASecret;

    fn from_str(text: &str) -> Result<Self, NotASecret> {
        let key = text.strip_prefix(PREFIX).and_then(|key| BASE64_STANDARD.decode(key).ok());
        key.filter(|key| KEY_BYTES.contains(&key.len())).map(Self).ok_or(NotASecret)
    }
}

/// The value of `webhook-signature`: one signature a secret, with spaces between. `None` without secrets.
pub(super) fn of(secrets: &[Secret], id: &str, timestamp: u64, body: &str) -> Option<String> {
    let signatures: Vec<_> =
        secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    (!signatures.is_empty()).then(|| signatures.join(" "))
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl Secret {
    /// The signature of a message sent at `timestamp`, in Unix seconds.
    fn sign(&self, id: &str, timestamp: u64, body: &str) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn signatures_are_those_of_the_reference_library(
            key in prop::collection::vec(any::<u8>(), KEY_BYTES),
            id in "[a-z0-9:-]{1,60}", timestamp in 0_u32.., body in ".{0,200}",
        ) {
            let text = format!("{PREFIX}{}", BASE64_STANDARD.encode(&key));
            let secret: Secret = text.parse().unwrap();
            let reference = standardwebhooks::Webhook::new(&text).unwrap();
            let expected = reference.sign(&id, i64::from(timestamp), body.as_bytes()).unwrap();
            prop_assert_eq!(secret.sign(&id, timestamp.into(), &body), expected);
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_and_a_secret_is_never_shown() {
        let key = BASE64_STANDARD.encode([7; 24]);
        for text in ["", PREFIX, "whsec_c2hvcnQ=", &key, &format!("whsec_{key}!")] {
            assert_eq!(text.parse::<Secret>(), Err(NotASecret), "{text}");
        }
        let long = format!("{PREFIX}{}", BASE64_STANDARD.encode([7; 65]));
        assert_eq!(long.parse::<Secret>(), Err(NotASecret));
        let secret: Secret = format!("{PREFIX}{key}").parse().unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
