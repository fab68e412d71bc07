//! The monitoring pages of a nats-server, and what its health page says.
//!
//! The pages answer every web page that asks (`Access-Control-Allow-Origin: *`), so they lie behind a path that
//! is drawn at each start and stands only in files of this user.

use std::{sync::OnceLock, time::Duration};

/// Where the address of the health page is kept, in the server's folder.
pub(crate) const FILE: &str = "health-page";
/// How long a look at the health page may take.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// Where the monitoring pages are.
#[derive(Debug, Clone)]
pub struct Monitor {
    port: u16,
    path: String,
}

/// What the health page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// All is well, every stream can be written.
    Well,
    /// Something is wrong, in nats-server's words.
    Unhealthy(String),
    /// It does not answer.
    Silent,
}

impl Monitor {
    /// On this port, behind a path that cannot be guessed.
    pub fn hidden_on(port: u16) -> Self {
        Self { port, path: format!("/{:032x}", rand::random::<u128>()) }
    }

    /// Its port, on 127.0.0.1.
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
    /// Asks the health page at `url`.
    pub async fn of(url: &str) -> Self {
        let Ok(answer) = client().get(url).send().await else { return Self::Silent };
        match answer.json().await {
            Ok(health) => Self::read(&health),
            Err(_) => Self::Silent,
        }
    }

    fn read(health: &serde_json::Value) -> Self {
        if health["status"] == "ok" {
            return Self::Well;
        }
        Self::Unhealthy(health["error"].as_str().unwrap_or("gives no reason").to_owned())
    }
}

/// Made once, as the page is asked every second; keeps no connection, so that every runtime can use it.
fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let client = client::http_builder(LOOK_LIMIT).pool_max_idle_per_host(0).build();
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
    fn health_is_read_with_its_reason() {
        assert_eq!(Health::read(&json!({"status": "ok"})), Health::Well);
        let unhealthy = json!({"status": "unavailable", "error": "write error"});
        assert_eq!(Health::read(&unhealthy), Health::Unhealthy("write error".into()));
        assert!(matches!(Health::read(&json!("?")), Health::Unhealthy(_)));
    }
}
