//! The admin server of a part: its readiness and metrics.

use std::time::Duration;

use contract::signals::Metric;
use reqwest::StatusCode;
use serde::Deserialize;
use trace::openmetrics::Exposition;
use url::Url;

use super::{
    error::{ClientError, UnexpectedResponse},
    http::{FullResponse, PartClient},
};

/// Request timeout: a part that takes longer is not ready.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// The admin server of one part.
#[derive(Debug, Clone)]
pub struct AdminClient(PartClient);

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

impl AdminClient {
    /// The admin server of `name` on this port of this machine.
    pub fn new(name: &'static str, port: u16) -> anyhow::Result<Self> {
        Self::at(name, &Url::parse(&format!("http://127.0.0.1:{port}"))?)
    }

    /// The admin server of `name` at `url`.
    pub fn at(name: &'static str, url: &Url) -> anyhow::Result<Self> {
        PartClient::new(name, url, REQUEST_TIMEOUT).map(Self)
    }

    /// The admin server of `name` at `url`, through a client that exists.
    pub fn over(client: reqwest::Client, name: &'static str, url: &Url) -> Self {
        Self(PartClient::over(client, name, url))
    }

    /// For requests that this client does not know.
    pub const fn http(&self) -> &PartClient {
        &self.0
    }

    /// The sum of a counter's series that have this label value.
    pub async fn counted(&self, counter: &Metric, label_value: &str) -> Result<u64, ClientError> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count below 2^53"
        )]
        let sum = self.metrics().await?.sum_with(counter.name, label_value).max(0.0) as u64;
        Ok(sum)
    }

    /// The metrics.
    pub async fn metrics(&self) -> Result<Exposition, ClientError> {
        let metrics = Exposition::parse(&self.metrics_text().await?);
        let invalid = |error| UnexpectedResponse::Invalid(format!("invalid metrics: {error}"));
        metrics.map_err(|error| self.0.unexpected(invalid(error)))
    }

    /// The metrics as OpenMetrics text.
    pub async fn metrics_text(&self) -> Result<String, ClientError> {
        let FullResponse { status, body, .. } = self.0.response(self.0.get("/metrics")).await?;
        if !status.is_success() {
            return Err(self.0.unexpected(UnexpectedResponse::Status(status)));
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Queries `path`, such as `/readyz`: `Ok(None)` if ready, else the failed checks.
    pub async fn not_ready(&self, path: &str) -> Result<Option<String>, ClientError> {
        let response = self.0.response(self.0.get(path)).await?;
        if response.status.is_success() {
            return Ok(None);
        }
        if response.status != StatusCode::SERVICE_UNAVAILABLE {
            return Err(self.0.unexpected(UnexpectedResponse::Status(response.status)));
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
