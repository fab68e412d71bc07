//! Webhook secrets in the format of Standard Webhooks.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// Prefix of every secret.
const PREFIX: &str = "whsec_";
/// Allowed lengths of a key, in bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Maximum number of secrets at the same time: the new one and the old one.
const SECRETS_MAX: usize = 2;

/// The key shared by the sender and the receiver of webhooks. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

/// The valid secrets: one, or the new and the old one during a rotation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookSecrets(Vec<WebhookSecret>);

/// The text is not a webhook secret. The error does not repeat it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be `{PREFIX}` and 24 to 64 bytes in base64, or two of these with a comma between them while the secret is being changed"
)]
pub struct InvalidSecret;

impl WebhookSecret {
    /// The key as bytes.
    pub fn key(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for WebhookSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let key = text.trim().strip_prefix(PREFIX).and_then(|key| BASE64_STANDARD.decode(key).ok());
        key.filter(|key| KEY_BYTES.contains(&key.len())).map(Self).ok_or(InvalidSecret)
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
    type Err = InvalidSecret;

    /// Parses `new` or `new,old`. White space around either and a trailing comma are ignored.
    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let secrets = entries.map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if (1..=SECRETS_MAX).contains(&secrets.len()) {
            Ok(Self(secrets))
        } else {
            Err(InvalidSecret)
        }
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

    fn read(text: &str) -> Result<usize, InvalidSecret> {
        text.parse().map(|secrets: WebhookSecrets| secrets.as_slice().len())
    }

    #[test]
    fn one_secret_or_a_pair_is_read_with_or_without_white_space() {
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
    fn an_invalid_secret_is_refused_and_a_valid_one_is_not_printed() {
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
            assert_eq!(read(text), Err(InvalidSecret), "{text}");
        }
        let parsed: WebhookSecrets = good.parse().unwrap();
        assert!(!format!("{parsed:?}").contains(bare));
    }
}
