//! The client of the gateway.

use std::time::Duration;

use contract::{
    JobId, Stage,
    api::{
        DeadLetterDetail, DeadLetterList, EventAccepted, IDEMPOTENCY_KEY, JobAccepted, JobList,
        JobView, QueueList, RawEvent, RedriveMany, Redriven, RedrivenMany,
    },
    propagation::{FAULT, SOURCE},
};
use url::Url;

use super::{error::ClientError, http::Http, sse::EventStream};
use crate::request::JobRequest;

/// Timeout for redriving one page of dead letters.
const REDRIVE_TIMEOUT: Duration = Duration::from_mins(1);

/// The client of a gateway.
#[derive(Debug, Clone)]
pub(crate) struct Gateway(Http);

/// Which jobs to list.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub(crate) struct JobFilter {
    /// Only jobs in this state.
    pub(crate) state: Option<String>,
    /// Only jobs of this kind.
    pub(crate) kind: Option<String>,
    /// Jobs of clients only, unless `all`.
    pub(crate) source: Option<&'static str>,
    /// Maximum number of jobs.
    pub(crate) limit: usize,
    /// Only jobs older than this one.
    pub(crate) cursor: Option<JobId>,
}

/// Which dead letters to list.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub(crate) struct DeadLetterFilter {
    /// Only dead letters of this stage.
    pub(crate) stage: Option<Stage>,
    /// Only dead letters with this reason.
    pub(crate) reason: Option<String>,
    /// Maximum number of dead letters.
    pub(crate) limit: usize,
    /// The `next_cursor` of the previous page.
    pub(crate) cursor: Option<String>,
}

impl Gateway {
    pub(crate) fn new(url: &Url) -> anyhow::Result<Self> {
        Http::new("gateway", url).map(Self)
    }

    /// The queues and stores, each with its error, if any.
    pub(crate) async fn queues(&self) -> Result<QueueList, ClientError> {
        self.0.fetch(self.0.get("/v1/queues")).await
    }

    /// The base URL.
    pub(crate) fn url(&self) -> &str {
        self.0.base()
    }

    /// Submits a job.
    pub(crate) async fn submit(&self, request: &JobRequest) -> Result<JobAccepted, ClientError> {
        let mut post = self.0.post("/v1/jobs").json(&request.body);
        if let Some(fault) = &request.fault {
            post = post.header(FAULT, fault);
        }
        if !request.source.is_client() {
            post = post.header(SOURCE, request.source.name());
        }
        if let Some(key) = &request.idempotency_key {
            post = post.header(IDEMPOTENCY_KEY, key);
        }
        self.0.fetch(post).await
    }

    /// Submits a raw event.
    pub(crate) async fn event(&self, event: &RawEvent) -> Result<EventAccepted, ClientError> {
        self.0.fetch(self.0.post("/v1/events").json(event)).await
    }

    /// The current state of a job.
    pub(crate) async fn job(&self, id: JobId) -> Result<JobView, ClientError> {
        self.0.fetch(self.0.get(&format!("/v1/jobs/{id}"))).await
    }

    /// The newest jobs.
    pub(crate) async fn jobs(&self, filter: &JobFilter) -> Result<JobList, ClientError> {
        self.0.fetch(self.0.get("/v1/jobs").query(filter)).await
    }

    /// Stuck jobs, oldest first.
    pub(crate) async fn stuck_jobs(&self, limit: usize) -> Result<JobList, ClientError> {
        let limit = limit.to_string();
        let wanted = [("stuck", "true"), ("limit", limit.as_str())];
        self.0.fetch(self.0.get("/v1/jobs").query(&wanted)).await
    }

    /// Cancels a job; it may still run for a moment.
    pub(crate) async fn cancel(&self, id: JobId) -> Result<JobView, ClientError> {
        self.0.send(self.0.post(&format!("/v1/jobs/{id}/cancel"))).await?;
        self.job(id).await
    }

    /// Starts a new round of a job that has ended.
    pub(crate) async fn retry(&self, id: JobId) -> Result<JobView, ClientError> {
        self.0.send(self.0.post(&format!("/v1/jobs/{id}/retry"))).await?;
        self.job(id).await
    }

    /// The event stream of a job, for `limit` at most.
    pub(crate) async fn follow(
        &self,
        id: JobId,
        limit: Duration,
    ) -> Result<EventStream, ClientError> {
        self.0.events(self.0.get(&format!("/v1/jobs/{id}/events")), limit).await
    }

    /// The newest dead letters.
    pub(crate) async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
    ) -> Result<DeadLetterList, ClientError> {
        self.0.fetch(self.0.get("/v1/dead-letters").query(filter)).await
    }

    /// One dead letter, with headers and body.
    pub(crate) async fn dead_letter(&self, seq: u64) -> Result<DeadLetterDetail, ClientError> {
        self.0.fetch(self.0.get(&format!("/v1/dead-letters/{seq}"))).await
    }

    /// Redrives a dead letter.
    pub(crate) async fn redrive(&self, seq: u64) -> Result<Redriven, ClientError> {
        self.0.fetch(self.0.post(&format!("/v1/dead-letters/{seq}/redrive"))).await
    }

    /// Redrives one page of dead letters.
    pub(crate) async fn redrive_many(
        &self,
        which: &RedriveMany,
    ) -> Result<RedrivenMany, ClientError> {
        let post = self.0.post("/v1/dead-letters/redrive").json(which);
        self.0.fetch(post.timeout(REDRIVE_TIMEOUT)).await
    }

    /// Deletes a dead letter.
    pub(crate) async fn delete_dead_letter(&self, seq: u64) -> Result<(), ClientError> {
        self.0.send(self.0.delete(&format!("/v1/dead-letters/{seq}"))).await
    }
}
