//! The client of the console.

use serde_json::Value;
use url::Url;

use super::{error::ClientError, http::Http};

/// The client of a console.
#[derive(Debug, Clone)]
pub(crate) struct Console(Http);

impl Console {
    pub(crate) fn new(url: &Url) -> anyhow::Result<Self> {
        Http::new("console", url).map(Self)
    }

    /// The base URL.
    pub(crate) fn url(&self) -> &str {
        self.0.base()
    }

    /// The URL of the page that shows a trace.
    pub(crate) fn trace_page(&self, trace_id: &str) -> String {
        format!("{}/traces/{trace_id}", self.0.base())
    }

    /// A trace as OTLP JSON; `None` if the console has no span of it.
    pub(crate) async fn trace(&self, trace_id: &str) -> Result<Option<Value>, ClientError> {
        match self.0.fetch(self.0.get(&format!("/api/traces/{trace_id}"))).await {
            Ok(otlp) => Ok(Some(otlp)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
