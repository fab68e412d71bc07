//! Readiness of a part.

use std::{net::SocketAddr, time::Duration};

use tokio::{net::TcpStream, time::sleep};

/// Interval of the checks.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// How long one look may take.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// What tells that a part is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// That it was started.
    AtOnce,
    /// That it takes connections on all of these.
    Accepts(Vec<SocketAddr>),
    /// That this URL answers with a success.
    Answers(String),
}

impl Ready {
    /// Looks until it is. Has no limit of its own: the caller knows how long, and what else to
    /// watch meanwhile.
    pub(crate) async fn reached(&self) {
        match self {
            Self::AtOnce => {}
            Self::Accepts(addresses) => {
                for address in addresses {
                    while TcpStream::connect(address).await.is_err() {
                        sleep(POLL_INTERVAL).await;
                    }
                }
            }
            Self::Answers(url) => {
                let client = client::http_builder(LOOK_LIMIT).build();
                let client = client.expect("a client without certificates of its own");
                while !answers(&client, url).await {
                    sleep(POLL_INTERVAL).await;
                }
            }
        }
    }
}

async fn answers(client: &reqwest::Client, url: &str) -> bool {
    match client.get(url).send().await {
        Ok(response) => response.status().is_success(),
        Err(_) => false,
    }
}
