//! A received webhook.

use std::sync::Arc;

use super::fields::HookFields;
use super::signature::Signature;

/// Longest name.
const NAME_LENGTH_MAX: usize = 40;
/// Approximate memory of a webhook besides its body and fields.
const OVERHEAD_BYTES: usize = 512;

/// A webhook, as it last arrived.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    /// Stays the same when the webhook is delivered again.
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) first_at_ms: i64,
    pub(crate) last_at_ms: i64,
    /// How often this `webhook-id` arrived under this name.
    pub(crate) arrivals: u64,
    /// Arrivals of one `webhook-id` differed in their bodies.
    pub(crate) body_changed: bool,
    pub(crate) response_status: u16,
    pub(crate) signature: Signature,
    pub(crate) fields: HookFields,
    pub(crate) body: Arc<str>,
}

/// Whether a name is valid: 1 to 40 of `a-z`, `0-9` and `-`.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = (1..=NAME_LENGTH_MAX).contains(&name.len());
    fits && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl Hook {
    /// Approximate memory.
    pub(super) fn bytes(&self) -> usize {
        self.body.len() + self.fields.bytes() + OVERHEAD_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for good in ["a", "demo-2", &"x".repeat(40)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "A", "a_b", "a b", "ä", "a/b", "..", &"x".repeat(41)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
