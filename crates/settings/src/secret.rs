//! Webhook secrets, as Standard Webhooks writes them.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// Lengths of a key, in bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Secrets that hold at once: the new one and the old one.
const SECRETS_MAX: usize = 2;

/// The key that sender and receiver share. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

/// The secrets that hold: one, or while it is being changed the new and the old one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookSecrets(Vec<WebhookSecret>);

/// Says that a text is no secret, without repeating it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be `{PREFIX}` and 24 to 64 bytes in base64, or two of these with a comma between them while the secret is being changed"
)]
pub struct NotASecret;

impl WebhookSecret {
    /// The key as bytes.
    pub fn key(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for WebhookSecret {
    type Err = NotASecret;

    fn from_str(text: &str) -> Result<Self, NotASecret> {
        let key = text.trim().strip_prefix(PREFIX).and_then(|key| BASE64_STANDARD.decode(key).ok());
        key.filter(|key| KEY_BYTES.contains(&key.len())).map(Self).ok_or(NotASecret)
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("WebhookSecret(…)")
    }
}

impl WebhookSecrets {
    /// The secrets, the new one first; empty where webhooks are not signed.
    pub fn as_slice(&self) -> &[WebhookSecret] {
        &self.0
    }
}

impl FromStr for WebhookSecrets {
    type Err = NotASecret;

    /// Reads `new` or `new,old`; white space around either does not count, nor does a comma at the end.
    fn from_str(text: &str) -> Result<Self, NotASecret> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let secrets = entries.map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if (1..=SECRETS_MAX).contains(&secrets.len()) { Ok(Self(secrets)) } else { Err(NotASecret) }
    }
}

impl From<WebhookSecret> for WebhookSecrets {
    fn from(secret: WebhookSecret) -> Self {
        Self(vec![secret])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8, length: usize) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(vec![byte; length]))
    }

    fn read(text: &str) -> Result<usize, NotASecret> {
        text.parse().map(|secrets: WebhookSecrets| secrets.as_slice().len())
    }

    #[test]
    fn one_secret_or_a_pair_is_read_whatever_the_space_around_it() {
        let (new, old) = (secret(1, 24), secret(2, 64));
        for (text, count) in [
            (new.clone(), 1),
            (format!(" {new}\n"), 1),
            (format!("{new},"), 1),
            (format!("{new},{old}"), 2),
            (format!("{new} ,\n{old}\r\n"), 2),
        ] {
            assert_eq!(read(&text), Ok(count), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_and_a_secret_is_never_shown() {
        let good = secret(7, 32);
        let bare = good.trim_start_matches(PREFIX);
        for text in [
            "",
            ",",
            PREFIX,
            "whsec_c2hvcnQ=",
            bare,
            &format!("{good}!"),
            &secret(7, 23),
            &secret(7, 65),
            &format!("{good},{good},{good}"),
            &format!("{good},nonsense"),
        ] {
            assert_eq!(read(text), Err(NotASecret), "{text}");
        }
        let parsed: WebhookSecrets = good.parse().unwrap();
        assert!(!format!("{parsed:?}").contains(bare));
    }
}
