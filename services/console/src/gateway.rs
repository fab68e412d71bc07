//! Asks the gateway for the recent jobs, on behalf of everybody who has the page open.

use std::time::Duration;

use anyhow::Context;
use axum::http::StatusCode;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// How long the gateway may take; the page waits for it.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// How long an answer serves: many open pages are one question a second.
const FRESH: Duration = Duration::from_secs(1);

/// Jobs asked for.
const JOBS: usize = 50;

/// Largest answer.
const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The gateway's jobs, as far as it tells.
#[derive(Debug)]
pub(crate) struct Gateway {
    client: reqwest::Client,
    base: Url,
    latest: Mutex<Option<(Instant, Answer)>>,
}

type Answer = Result<Vec<Job>, Away>;

/// A job in the list. What the gateway left out is empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) trace_id: String,
    pub(crate) accepted_at: String,
    pub(crate) attempts: Option<u64>,
}

/// Why there are no jobs to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Away {
    #[error("did not answer within two seconds")]
    Slow,
    #[error("cannot be reached")]
    Unreachable,
    #[error("gave an answer that is not a list of jobs")]
    Unexpected,
    #[error("does not know this job")]
    UnknownJob,
}

impl Gateway {
    pub(crate) fn new(base: Url) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(ANSWER_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            // A proxy of the surroundings knows nothing of a lab on this machine.
            .no_proxy()
            .build()
            .context("building the client for the gateway")?;
        Ok(Self { client, base, latest: Mutex::new(None) })
    }

    /// Where it is asked.
    pub(crate) fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The recent jobs, newest first, at most a second old.
    pub(crate) async fn recent_jobs(&self) -> Answer {
        // Held over the question: whoever comes meanwhile gets the same answer.
        let mut latest = self.latest.lock().await;
        if let Some((at, answer)) = latest.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            tracing::trace!(age = ?at.elapsed(), "jobs from the last answer");
            return answer.clone();
        }
        let answer = self.ask(&format!("/v1/jobs?limit={JOBS}")).await.and_then(|answer| {
            let jobs = answer.get("jobs").and_then(Value::as_array).ok_or(Away::Unexpected)?;
            Ok(jobs.iter().take(JOBS).map(Job::of).collect())
        });
        *latest = Some((Instant::now(), answer.clone()));
        answer
    }

    /// One job. The id must be fit for a path.
    pub(crate) async fn job(&self, id: &str) -> Result<Job, Away> {
        Ok(Job::of(&self.ask(&format!("/v1/jobs/{id}")).await?))
    }

    async fn ask(&self, path: &str) -> Result<Value, Away> {
        let sent = self.client.get(format!("{}{path}", self.base())).send().await;
        let mut answer = sent.map_err(|error| away(&error))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(Away::UnknownJob),
            _ => return Err(Away::Unexpected),
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| away(&error))? {
            body.extend_from_slice(&part);
            if body.len() > ANSWER_BYTES_MAX {
                return Err(Away::Unexpected);
            }
        }
        serde_json::from_slice(&body).map_err(|_| Away::Unexpected)
    }
}

impl Job {
    fn of(job: &Value) -> Self {
        let text = |name| job.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            id: text("id"),
            name: text("name"),
            kind: text("kind"),
            state: text("state"),
            trace_id: text("trace_id"),
            accepted_at: text("accepted_at"),
            attempts: job.get("attempts").and_then(Value::as_u64),
        }
    }
}

fn away(error: &reqwest::Error) -> Away {
    tracing::debug!(%error, "the gateway does not answer");
    if error.is_timeout() { Away::Slow } else { Away::Unreachable }
}
