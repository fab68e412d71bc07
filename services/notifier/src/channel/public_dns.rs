//! Resolves names to public addresses only. The client connects to the addresses checked here, so that a name cannot
//! change its addresses in between.

use std::net::SocketAddr;

use contract::webhook::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use runtime::names::{LookupError, Names};

/// A name has no public address. The same error for a name without addresses, so that a dead letter does not reveal
/// which private names exist.
#[derive(Debug, thiserror::Error)]
#[error("{0} has no public address")]
pub(super) struct NotPublic(String);

/// Resolves names from jobs.
#[derive(Clone)]
pub(super) struct Outside(pub(super) Names);

/// Resolves names on the allow-list.
#[derive(Clone)]
pub(super) struct Allowed(pub(super) Names);

/// Passes only the public addresses that `R` finds.
#[derive(Debug, Clone, Copy)]
pub(super) struct PublicOnly<R>(pub(super) R);

// Port 0 stands for the port of the request.
impl Resolve for Outside {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.0.clone();
        Box::pin(async move {
            let found = match names.addresses(name.as_str()).await {
                Err(LookupError::NotFound) => Vec::new(),
                found => found?,
            };
            Ok(Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}

impl Resolve for Allowed {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.0.clone();
        Box::pin(async move {
            let found = names.system_addresses(name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

impl<R: Resolve> Resolve for PublicOnly<R> {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let found = self.0.resolve(name);
        Box::pin(async move {
            let mut public = found.await?.filter(|address| is_public(address.ip())).peekable();
            if public.peek().is_none() {
                return Err(NotPublic(host).into());
            }
            Ok(Box::new(public) as Addrs)
        })
    }
}
