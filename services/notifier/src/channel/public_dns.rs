//! Looks names up and leaves out every address that is not public, so that the address that was
//! checked is the one that is connected to: a name cannot change its mind in between.

use std::net::SocketAddr;

use contract::webhook::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 16;

/// Says that a name leads nowhere a webhook may go.
#[derive(Debug, thiserror::Error)]
#[error("{0} leads to no public address")]
pub(super) struct NotPublic(String);

/// Names as the system resolves them.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemDns;

/// Only the public addresses of what `R` finds.
#[derive(Debug, Clone, Copy)]
pub(super) struct PublicOnly<R>(pub(super) R);

impl Resolve for SystemDns {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0 stands for the port of the request.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.take(ADDRESSES_MAX).collect();
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
