//! The HTTP clients of the webhook channel: what they never do, and whom they trust.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use reqwest::{Certificate, Client, ClientBuilder, Response, dns::Resolve, redirect::Policy};
use tokio::time::timeout;

use super::WebhookConfig;

/// Connections kept open to one receiver.
const IDLE_MAX: usize = 4;
/// How long they are kept.
const IDLE_FOR: Duration = Duration::from_secs(30);
/// Who asks.
const USER_AGENT: &str = concat!("waybill-notifier/", env!("CARGO_PKG_VERSION"));
/// The most that is read of an answer's body, so that its connection can be used again.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// How long that may take.
const BODY_TIME_MAX: Duration = Duration::from_millis(100);

/// Whom receivers may be signed by, beside the public authorities.
pub(super) fn authorities(file: Option<&Path>) -> anyhow::Result<Vec<Certificate>> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let name = file.display();
    let text = std::fs::read(file).with_context(|| {
        format!("no certificates in {name} (--webhook-ca-file): can this user read it?")
    })?;
    let found = Certificate::from_pem_bundle(&text)
        .with_context(|| format!("{name} (--webhook-ca-file) is not in PEM form"))?;
    ensure!(!found.is_empty(), "{name} (--webhook-ca-file) holds no certificate");
    Ok(found)
}

/// No proxy: it would look names up itself. No redirect: it would lead past the address rules.
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
    trusting.build().context("starting the webhook client")
}

/// Reads the little that is left of a polite answer. What comes of it is of no interest.
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
