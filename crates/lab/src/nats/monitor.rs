//! The monitoring pages of a nats-server, and the result of its health page.
//!
//! Any web page can read the monitoring pages (`Access-Control-Allow-Origin: *`), so they have a random path, which is new
//! at each start and stored only in private files of this user.

use std::{sync::OnceLock, time::Duration};

/// Name of the file with the address of the health page, in the server's folder.
pub(crate) const FILE: &str = "health-page";
/// Timeout of a health check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// The address of the monitoring pages.
#[derive(Debug, Clone)]
pub struct Monitor {
    port: u16,
    path: String,
}

/// The result of the health page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Every stream can be written.
    Healthy,
    /// nats-server reports this problem.
    Unhealthy(String),
    /// nats-server does not respond.
    Unreachable,
}

impl Monitor {
    /// Monitoring pages on this port, with a random path.
    pub fn hidden_on(port: u16) -> Self {
        Self { port, path: format!("/{:032x}", rand::random::<u128>()) }
    }

    /// The port, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.path)
    }

    pub(super) fn health_url(&self) -> String {
        format!("{}/healthz", self.url())
    }
}

impl Health {
    /// Queries the health page at `url`.
    pub async fn of(url: &str) -> Self {
        let Ok(answer) = client().get(url).send().await else { return Self::Unreachable };
        match answer.json().await {
            Ok(health) => Self::read(&health),
            Err(_) => Self::Unreachable,
        }
    }

    fn read(health: &serde_json::Value) -> Self {
        if health["status"] == "ok" {
            return Self::Healthy;
        }
        Self::Unhealthy(health["error"].as_str().unwrap_or("gives no reason").to_owned())
    }
}

/// Shared, because the page is queried every second. It keeps no connections, so it works in every runtime.
fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let client = client::http_builder(CHECK_TIMEOUT).pool_max_idle_per_host(0).build();
        client.expect("a client without certificates of its own")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_two_starts_share_a_path() {
        let (one, other) = (Monitor::hidden_on(1), Monitor::hidden_on(1));
        assert!(one.path() != other.path() && one.path().len() == 33, "{one:?} {other:?}");
    }

    #[test]
    fn health_is_parsed_with_its_reason() {
        assert_eq!(Health::read(&json!({"status": "ok"})), Health::Healthy);
        let unhealthy = json!({"status": "unavailable", "error": "write error"});
        assert_eq!(Health::read(&unhealthy), Health::Unhealthy("write error".into()));
        assert!(matches!(Health::read(&json!("?")), Health::Unhealthy(_)));
    }
}
