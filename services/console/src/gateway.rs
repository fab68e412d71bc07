//! Asks the gateway for the recent jobs, on behalf of everybody who has the page open.

use std::time::Duration;

use anyhow::Context;
use client::{ClientError, GatewayClient, JobFilter, NoResponse};
use contract::api::{LeaseView, ProgressView, WaitView};
use contract::state::JobState;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// How long the gateway may take; the page waits for it.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// How long an answer serves: many open pages are one question a second.
const FRESH: Duration = Duration::from_secs(1);

/// Jobs requested.
const JOBS: usize = 50;

/// Running jobs requested: more than the slots of a large lab.
const RUNNING: usize = 100;

/// Largest answer.
const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Reads jobs from the gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    client: GatewayClient,
    /// By [`Whose`], as all of these are.
    recent: [Listed; 2],
    running: [Listed; 2],
    retrying: [Listed; 2],
}

/// One question for a list of jobs, and its last answer.
#[derive(Debug)]
struct Listed {
    filter: JobFilter,
    latest: Mutex<Option<(Instant, Answer)>>,
}

/// Whose jobs are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Those of people and their programs.
    Clients,
    /// The lab's own small jobs too.
    All,
}

type Answer = Result<Vec<Job>, Away>;

/// A job as the gateway shows it. What it left out is empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) trace_id: String,
    pub(crate) accepted_at: String,
    pub(crate) attempts: Option<u64>,
    pub(crate) attempts_max: Option<u64>,
    pub(crate) interruptions: u64,
    /// The worker that runs it, how long it has been silent, and when another takes over.
    pub(crate) lease: Option<LeaseView>,
    /// What it waits for.
    pub(crate) waiting: Option<WaitView>,
    pub(crate) progress: Option<ProgressView>,
    pub(crate) operations: u64,
    /// Why it did not succeed: a reason and its detail.
    pub(crate) failure: Option<(String, String)>,
    pub(crate) cancel_requested: bool,
}

/// Why there are no jobs to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Away {
    #[error("did not respond within two seconds")]
    Slow,
    #[error("cannot be reached")]
    Unreachable,
    #[error("sent a response that is not a list of jobs")]
    Unexpected,
    #[error("does not know this job")]
    UnknownJob,
}

impl Gateway {
    pub(crate) fn new(base: &Url) -> anyhow::Result<Self> {
        let http = client::http_builder(ANSWER_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("cannot build the HTTP client for the gateway")?;
        let client = GatewayClient::over(http, base).with_body_bytes_max(ANSWER_BYTES_MAX);
        let listed = |state: Option<JobState>, limit| {
            [None, Some("all")].map(|source| {
                let state = state.map(|state| state.name().to_owned());
                Listed::new(JobFilter { state, source, limit, ..JobFilter::default() })
            })
        };
        Ok(Self {
            client,
            recent: listed(None, JOBS),
            running: listed(Some(JobState::Running), RUNNING),
            retrying: listed(Some(JobState::Retrying), RUNNING),
        })
    }

    /// The gateway's base URL.
    pub(crate) fn base(&self) -> &str {
        self.client.url()
    }

    /// The recent jobs, at most a second old: those under way first, each part with the newest first. A job
    /// that runs for long stays, however many come after it.
    pub(crate) async fn recent_jobs(&self, whose: Whose) -> Answer {
        let whose = whose as usize;
        let (recent, running, retrying) = tokio::join!(
            self.list(&self.recent[whose]),
            self.list(&self.running[whose]),
            self.list(&self.retrying[whose]),
        );
        Ok(under_way_first(recent?, running?, retrying?))
    }

    /// The newest of the jobs that run now, of all sources, at most a second old.
    pub(crate) async fn running_jobs(&self) -> Answer {
        self.list(&self.running[Whose::All as usize]).await
    }

    async fn list(&self, listed: &Listed) -> Answer {
        // Locked during the request: requests that arrive meanwhile get the same result.
        let mut latest = listed.latest.lock().await;
        if let Some((at, answer)) = latest.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            tracing::trace!(age = ?at.elapsed(), "reuse last response of the gateway");
            return answer.clone();
        }
        let answer = self.client.jobs_as::<Value>(&listed.filter).await;
        let answer = answer.map_err(|error| away(&error)).and_then(|answer| {
            let jobs = answer.get("jobs").and_then(Value::as_array).ok_or(Away::Unexpected)?;
            Ok(jobs.iter().take(JOBS.max(RUNNING)).map(Job::of).collect())
        });
        *latest = Some((Instant::now(), answer.clone()));
        answer
    }

    /// One job. The id must be fit for a path.
    pub(crate) async fn job(&self, id: &str) -> Result<Job, Away> {
        let job = self.client.job_as(id).await.map_err(|error| away(&error))?;
        Ok(Job::of(&job))
    }
}

impl Job {
    fn of(job: &Value) -> Self {
        let text = |name| job.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |name| job.get(name).and_then(Value::as_u64);
        Self {
            id: text("id"),
            name: text("name"),
            kind: text("kind"),
            state: text("state"),
            trace_id: text("trace_id"),
            accepted_at: text("accepted_at"),
            attempts: number("attempts"),
            attempts_max: number("attempts_max"),
            interruptions: number("interruptions").unwrap_or_default(),
            lease: read(job, "lease"),
            waiting: read(job, "waiting"),
            progress: read(job, "progress"),
            operations: number("operations").unwrap_or_default(),
            failure: job.get("failure").map(|failure| {
                let text = |name| failure.get(name).and_then(Value::as_str).unwrap_or_default();
                (text("reason").to_owned(), text("detail").to_owned())
            }),
            cancel_requested: job.get("cancel_requested").and_then(Value::as_bool) == Some(true),
        }
    }

    /// Whether nothing more will happen to it.
    pub(crate) fn has_ended(&self) -> bool {
        JobState::ALL.iter().any(|state| state.is_terminal() && state.name() == self.state)
    }

    /// The worker that runs it, if that missed a renewal of its lease.
    pub(crate) fn silent(&self) -> Option<&LeaseView> {
        self.lease.as_ref().filter(|lease| lease.is_silent())
    }
}

impl Listed {
    fn new(filter: JobFilter) -> Self {
        Self { filter, latest: Mutex::new(None) }
    }
}

/// A field of the job as a value of its own; none where it is another shape than this console knows.
fn read<T: DeserializeOwned>(job: &Value, field: &str) -> Option<T> {
    job.get(field).and_then(|value| T::deserialize(value).ok())
}

/// The jobs under way, and after them the recent ones, each once.
fn under_way_first(recent: Vec<Job>, running: Vec<Job>, retrying: Vec<Job>) -> Vec<Job> {
    let is_under_way = |job: &Job| matches!(job.state.as_str(), "running" | "retrying");
    let (mut jobs, rest): (Vec<Job>, Vec<Job>) = recent.into_iter().partition(is_under_way);
    let older = running.into_iter().chain(retrying).filter(is_under_way);
    for job in older {
        if jobs.iter().all(|known| known.id != job.id) {
            jobs.push(job);
        }
    }
    // Ids grow with time.
    jobs.sort_by(|one, other| other.id.cmp(&one.id));
    jobs.truncate(JOBS);
    jobs.extend(rest);
    jobs
}

fn away(error: &ClientError) -> Away {
    tracing::debug!(%error, "request to the gateway failed");
    match error {
        ClientError::Unreachable { cause: NoResponse::Timeout, .. } => Away::Slow,
        ClientError::Unreachable { .. } => Away::Unreachable,
        other if other.http_status() == Some(404) => Away::UnknownJob,
        ClientError::Refused { .. } | ClientError::Unexpected { .. } => Away::Unexpected,
    }
}
