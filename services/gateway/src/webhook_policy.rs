//! Checks webhook targets on submission, while the client can still correct them.
//!
//! The notifier checks again when it connects: the addresses of a name can change in between.

use std::net::IpAddr;

use axum::http::StatusCode;
use contract::{
    job::{JobSpec, Notify},
    webhook::{AllowList, WebhookTarget, is_public, parse_target},
};
use runtime::names::{LookupError, Names};

use crate::error::ApiError;

/// The field that errors name.
const FIELD: &str = "notify.url";

/// Decides which webhook targets are allowed.
pub(crate) struct WebhookPolicy {
    allow: AllowList,
    names: Names,
}

impl WebhookPolicy {
    pub(crate) fn new(allow: AllowList, names: Names) -> Self {
        Self { allow, names }
    }

    /// Checks the webhook of `spec`.
    pub(crate) async fn check(&self, spec: &JobSpec) -> Result<(), ApiError> {
        let Some(Notify::Webhook { url, .. }) = &spec.notify else {
            return Ok(());
        };
        let target = parse_target(url, &self.allow)?;
        if target.is_allow_listed() || are_public(self.names.addresses(&target.host()).await) {
            Ok(())
        } else {
            Err(unknown(&target))
        }
    }
}

/// False if any of the addresses is not public.
fn are_public(found: Result<Vec<IpAddr>, LookupError>) -> bool {
    found.is_ok_and(|found| !found.is_empty() && found.into_iter().all(is_public))
}

/// The same error for a name without addresses and for one with private addresses, so that clients cannot find out
/// which private names exist.
fn unknown(target: &WebhookTarget) -> ApiError {
    let host = target.host();
    let detail =
        format!("{FIELD}: no public address was found for {host}; check the name, or try again");
    let title = "The webhook's host cannot be found";
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-host", title, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_private_address_among_others_is_not_public() {
        let found =
            |all: &[&str]| are_public(Ok(all.iter().map(|ip| ip.parse().unwrap()).collect()));
        assert!(!found(&[]));
        assert!(found(&["1.1.1.1", "2606:4700:4700::1111"]));
        for private in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"] {
            assert!(!found(&[private]));
            assert!(!found(&["1.1.1.1", private]));
        }
        assert!(!are_public(Err(LookupError::NotFound)) && !are_public(Err(LookupError::Late)));
    }
}
