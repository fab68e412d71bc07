//! Readiness checks of parts.

use std::{net::SocketAddr, time::Duration};

use tokio::{net::TcpStream, time::sleep};

/// Interval of the checks.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Timeout of one check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// The condition for a part to be ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// It was started.
    AtOnce,
    /// It accepts connections on all of these addresses.
    Accepts(Vec<SocketAddr>),
    /// This URL responds with success.
    Answers(String),
}

impl Ready {
    /// Waits until the condition is met. Without a timeout: the caller has one.
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
                let client = client::http_builder(CHECK_TIMEOUT).build();
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
