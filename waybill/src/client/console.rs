//! The console: traces, as it has received them.

use serde_json::Value;
use url::Url;

use super::{error::ClientError, http::Http};

/// A lab's console.
#[derive(Debug, Clone)]
pub(crate) struct Console(Http);

impl Console {
    pub(crate) fn new(url: &Url) -> anyhow::Result<Self> {
        Http::new("console", url).map(Self)
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        self.0.base()
    }

    /// The page that shows a trace.
    pub(crate) fn trace_page(&self, trace_id: &str) -> String {
        format!("{}/traces/{trace_id}", self.0.base())
    }

    /// A trace as OTLP in its JSON form; `None` while no span of it is there.
    pub(crate) async fn trace(&self, trace_id: &str) -> Result<Option<Value>, ClientError> {
        match self.0.ask(self.0.get(&format!("/api/traces/{trace_id}"))).await {
            Ok(otlp) => Ok(Some(otlp)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
