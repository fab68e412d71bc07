//! The HTTP clients of the webhook channel.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use reqwest::{Certificate, Client, ClientBuilder, Response, dns::Resolve, redirect::Policy};
use tokio::time::timeout;

use super::WebhookConfig;

/// Connections kept open to one receiver.
const IDLE_MAX: usize = 4;
/// How long they are kept.
const IDLE_FOR: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!("waybill-notifier/", env!("CARGO_PKG_VERSION"));
/// How much of a response body is read, so that its connection can be reused.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Timeout of reading it.
const BODY_TIME_MAX: Duration = Duration::from_millis(100);

/// Reads the additional certificate authorities of receivers.
pub(super) fn authorities(file: Option<&Path>) -> anyhow::Result<Vec<Certificate>> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let name = file.display();
    let text = std::fs::read(file).with_context(|| {
        format!("cannot read {name} (--webhook-ca-file): check that it exists and that this user may read it")
    })?;
    let found = Certificate::from_pem_bundle(&text)
        .with_context(|| format!("{name} (--webhook-ca-file) is not in PEM format"))?;
    ensure!(!found.is_empty(), "{name} (--webhook-ca-file) contains no certificate");
    Ok(found)
}

/// Builds a client without proxy, which would resolve names itself, and without redirects, which would bypass the
/// address rules.
pub(super) fn client(
    config: &WebhookConfig,
    authorities: &[Certificate],
    names: impl Resolve + 'static,
) -> anyhow::Result<Client> {
    let builder = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .dns_resolver(Arc::new(names))
        .timeout(config.limit())
        .pool_max_idle_per_host(IDLE_MAX)
        .pool_idle_timeout(IDLE_FOR)
        .user_agent(USER_AGENT);
    let trusting = authorities.iter().cloned().fold(builder, ClientBuilder::add_root_certificate);
    trusting.build().context("cannot start the webhook client")
}

/// Reads the rest of a short response body and discards it.
pub(super) async fn drain(mut answer: Response) {
    let read = async {
        let mut left = BODY_BYTES_MAX;
        while let Ok(Some(chunk)) = answer.chunk().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                return;
            }
        }
    };
    let _ = timeout(BODY_TIME_MAX, read).await;
}
