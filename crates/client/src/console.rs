//! The client of the console.

use serde_json::Value;
use url::Url;

use super::{error::ClientError, gateway::REQUEST_TIMEOUT, http::PartClient};

const NAME: &str = "console";

/// The client of a console.
#[derive(Debug, Clone)]
pub struct ConsoleClient(PartClient);

impl ConsoleClient {
    /// The console at `url`.
    pub fn new(url: &Url) -> anyhow::Result<Self> {
        PartClient::new(NAME, url, REQUEST_TIMEOUT).map(Self)
    }

    /// The console at `url`, through a client that exists.
    pub fn over(client: reqwest::Client, url: &Url) -> Self {
        Self(PartClient::over(client, NAME, url))
    }

    /// For requests that this client does not know.
    pub const fn http(&self) -> &PartClient {
        &self.0
    }

    /// The base URL.
    pub fn url(&self) -> &str {
        self.0.base()
    }

    /// The URL of the page that shows a trace.
    pub fn trace_page(&self, trace_id: &str) -> String {
        format!("{}/traces/{trace_id}", self.0.base())
    }

    /// A trace as OTLP JSON; `None` if the console has no span of it.
    pub async fn trace(&self, trace_id: &str) -> Result<Option<Value>, ClientError> {
        match self.0.fetch(self.0.get(&format!("/api/traces/{trace_id}"))).await {
            Ok(otlp) => Ok(Some(otlp)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
