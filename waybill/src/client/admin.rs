//! The admin server of a part: whether it is ready, and if not, why.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

use super::{error::ClientError, http::Http};

/// How long an answer may take: a part that takes longer is not ready.
const ASK_LIMIT: Duration = Duration::from_secs(2);

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
        Http::new(name, &Url::parse(&format!("http://127.0.0.1:{port}"))?).map(Self)
    }

    /// Asks `path`, such as `/readyz`: `Ok(None)` when it is ready, else what it waits for.
    pub(crate) async fn not_ready(&self, path: &str) -> Result<Option<String>, ClientError> {
        let answer = self.0.answer(self.0.get(path).timeout(ASK_LIMIT)).await?;
        if answer.status.is_success() {
            return Ok(None);
        }
        if answer.status != StatusCode::SERVICE_UNAVAILABLE {
            return Err(self.0.strange(format!("it answers {}", answer.status)));
        }
        let told = serde_json::from_slice::<Readiness>(&answer.body);
        let failed =
            told.into_iter().flat_map(|readiness| readiness.checks).filter(|check| !check.ok);
        let failed: Vec<String> =
            failed.map(|check| format!("{}: {}", check.name, check.reason)).collect();
        Ok(Some(if failed.is_empty() {
            format!("answers {}", answer.status)
        } else {
            failed.join("; ")
        }))
    }
}
