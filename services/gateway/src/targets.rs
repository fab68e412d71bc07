//! Whether a job's webhook may be told: refused here, the client learns it while it can still change it.
//!
//! The notifier checks again when it connects: what a name leads to can change in between.

use std::{net::SocketAddr, time::Duration};

use axum::http::StatusCode;
use contract::{
    BodyError,
    job::{JobSpec, Notify},
    webhook::{AllowList, Target, is_public, parse_target},
};
use tokio::{net::lookup_host, sync::Semaphore, time::timeout};

use crate::error::ApiError;

/// How long the look-up of a name may take, its wait for a place included.
const LOOKUP_TIME_MAX: Duration = Duration::from_secs(2);
/// Look-ups at once: each holds a thread, for as long as the system's resolver likes.
const LOOKUPS_MAX: usize = 16;
/// The field that errors name.
const FIELD: &str = "notify.url";

/// Judges webhook targets.
pub(crate) struct Targets {
    allow: AllowList,
    lookups: Semaphore,
}

impl Targets {
    pub(crate) fn new(allow: AllowList) -> Self {
        Self { allow, lookups: Semaphore::new(LOOKUPS_MAX) }
    }

    /// Checks where `spec` wants its news sent.
    pub(crate) async fn check(&self, spec: &JobSpec) -> Result<(), ApiError> {
        let Some(Notify::Webhook { url, .. }) = &spec.notify else {
            return Ok(());
        };
        let target = parse_target(url, &self.allow)?;
        if target.is_allow_listed() {
            return Ok(());
        }
        match timeout(LOOKUP_TIME_MAX, self.leads_to_public(&target)).await {
            Ok(Some(true)) => Ok(()),
            Ok(Some(false)) => Err(not_public(&target)),
            Ok(None) | Err(_) => Err(unknown(&target)),
        }
    }

    /// Whether all addresses of the host are public; `None` when it has none.
    async fn leads_to_public(&self, target: &Target) -> Option<bool> {
        let _place = self.lookups.acquire().await.ok()?;
        are_public(lookup_host((target.host(), target.port())).await.ok()?)
    }
}

/// One address that is not public spoils them all; `None` when there is none.
fn are_public(found: impl Iterator<Item = SocketAddr>) -> Option<bool> {
    let mut found = found.peekable();
    found.peek()?;
    Some(found.all(|address| is_public(address.ip())))
}

/// Says no more than that: which addresses a private name has is nobody's affair.
fn not_public(target: &Target) -> ApiError {
    let host = target.host();
    let problem = format!("leads to {host}, which has an address that is not public");
    BodyError::new(FIELD, problem).into()
}

fn unknown(target: &Target) -> ApiError {
    let host = target.host();
    let detail = format!("{FIELD}: no address was found for {host}; check the name, or try again");
    let title = "The webhook's host cannot be found";
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-host", title, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_to_a_private_address_among_others_is_not_public() {
        let found = |all: &[&str]| are_public(all.iter().map(|one| one.parse().unwrap()));
        assert_eq!(found(&[]), None);
        assert_eq!(found(&["1.1.1.1:80", "[2606:4700:4700::1111]:80"]), Some(true));
        for private in ["127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "169.254.169.254:80"] {
            assert_eq!(found(&[private]), Some(false));
            assert_eq!(found(&["1.1.1.1:80", private]), Some(false));
        }
    }
}
