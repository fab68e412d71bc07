//! The admin server of a part: its readiness and metrics.

use std::time::Duration;

use contract::signals::Metric;
use reqwest::StatusCode;
use serde::Deserialize;
use trace::openmetrics::Exposition;
use url::Url;

use super::{error::ClientError, http::Http};

/// Request timeout: a part that takes longer is not ready.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// The admin server of one part.
#[derive(Debug, Clone)]
pub(crate) struct Admin(Http);

#[derive(Debug, Deserialize)]
struct Readiness {
    #[serde(default)]
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Check {
    name: String,
    ok: bool,
    reason: String,
}

impl Admin {
    /// The admin server of `name` on this port of this machine.
    pub(crate) fn new(name: &'static str, port: u16) -> anyhow::Result<Self> {
        Self::at(name, &Url::parse(&format!("http://127.0.0.1:{port}"))?)
    }

    /// The admin server of `name` at `url`.
    pub(crate) fn at(name: &'static str, url: &Url) -> anyhow::Result<Self> {
        Http::new(name, url).map(Self)
    }

    /// The sum of a counter's series that have this label value.
    pub(crate) async fn counted(
        &self,
        counter: &Metric,
        label_value: &str,
    ) -> Result<u64, ClientError> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count below 2^53"
        )]
        let sum = self.metrics().await?.sum_with(counter.name, label_value).max(0.0) as u64;
        Ok(sum)
    }

    /// The metrics.
    pub(crate) async fn metrics(&self) -> Result<Exposition, ClientError> {
        let response = self.0.response(self.0.get("/metrics").timeout(REQUEST_TIMEOUT)).await?;
        if !response.status.is_success() {
            return Err(self.0.unexpected(format!("HTTP status {}", response.status)));
        }
        let text = String::from_utf8_lossy(&response.body);
        Exposition::parse(&text)
            .map_err(|error| self.0.unexpected(format!("invalid metrics: {error}")))
    }

    /// Queries `path`, such as `/readyz`: `Ok(None)` if ready, else the failed checks.
    pub(crate) async fn not_ready(&self, path: &str) -> Result<Option<String>, ClientError> {
        let response = self.0.response(self.0.get(path).timeout(REQUEST_TIMEOUT)).await?;
        if response.status.is_success() {
            return Ok(None);
        }
        if response.status != StatusCode::SERVICE_UNAVAILABLE {
            return Err(self.0.unexpected(format!("HTTP status {}", response.status)));
        }
        let readiness = serde_json::from_slice::<Readiness>(&response.body);
        let failed =
            readiness.into_iter().flat_map(|readiness| readiness.checks).filter(|check| !check.ok);
        let failed: Vec<String> =
            failed.map(|check| format!("{}: {}", check.name, check.reason)).collect();
        Ok(Some(if failed.is_empty() {
            format!("HTTP status {}", response.status)
        } else {
            failed.join("; ")
        }))
    }
}
