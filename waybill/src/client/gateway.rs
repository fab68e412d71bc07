//! The gateway: jobs in, and how they fare.

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

/// How long a page of dead letters may take to be on its way again.
const REDRIVE_LIMIT: Duration = Duration::from_mins(1);

/// A lab's gateway.
#[derive(Debug, Clone)]
pub(crate) struct Gateway(Http);

/// Which jobs to list.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub(crate) struct JobFilter {
    /// Only those in this state.
    pub(crate) state: Option<String>,
    /// Only those of this kind.
    pub(crate) kind: Option<String>,
    /// Whose: those of clients if nothing is said, or `all`.
    pub(crate) source: Option<&'static str>,
    /// At most so many.
    pub(crate) limit: usize,
    /// Only those older than this job.
    pub(crate) cursor: Option<JobId>,
}

/// Which dead letters to list.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub(crate) struct LetterFilter {
    /// Only those of this stage.
    pub(crate) stage: Option<Stage>,
    /// Only those with this reason.
    pub(crate) reason: Option<String>,
    /// At most so many.
    pub(crate) limit: usize,
    /// Only those of the page after the one that gave this.
    pub(crate) cursor: Option<String>,
}

impl Gateway {
    pub(crate) fn new(url: &Url) -> anyhow::Result<Self> {
        Http::new("gateway", url).map(Self)
    }

    /// Its queues and stores, each with what is wrong with it.
    pub(crate) async fn queues(&self) -> Result<QueueList, ClientError> {
        self.0.ask(self.0.get("/v1/queues")).await
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        self.0.base()
    }

    /// Hands a job in.
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
        self.0.ask(post).await
    }

    /// Hands a raw event in.
    pub(crate) async fn event(&self, event: &RawEvent) -> Result<EventAccepted, ClientError> {
        self.0.ask(self.0.post("/v1/events").json(event)).await
    }

    /// How a job fares.
    pub(crate) async fn job(&self, id: JobId) -> Result<JobView, ClientError> {
        self.0.ask(self.0.get(&format!("/v1/jobs/{id}"))).await
    }

    /// The newest jobs.
    pub(crate) async fn jobs(&self, filter: &JobFilter) -> Result<JobList, ClientError> {
        self.0.ask(self.0.get("/v1/jobs").query(filter)).await
    }

    /// Jobs that do not move, the oldest first.
    pub(crate) async fn stuck_jobs(&self, limit: usize) -> Result<JobList, ClientError> {
        let limit = limit.to_string();
        let wanted = [("stuck", "true"), ("limit", limit.as_str())];
        self.0.ask(self.0.get("/v1/jobs").query(&wanted)).await
    }

    /// Stops a job; it may still run for a moment.
    pub(crate) async fn cancel(&self, id: JobId) -> Result<JobView, ClientError> {
        self.0.tell(self.0.post(&format!("/v1/jobs/{id}/cancel"))).await?;
        self.job(id).await
    }

    /// Starts a new round of a job that has ended.
    pub(crate) async fn retry(&self, id: JobId) -> Result<JobView, ClientError> {
        self.0.tell(self.0.post(&format!("/v1/jobs/{id}/retry"))).await?;
        self.job(id).await
    }

    /// How a job fares, as it happens, for `limit` at most.
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
        filter: &LetterFilter,
    ) -> Result<DeadLetterList, ClientError> {
        self.0.ask(self.0.get("/v1/dead-letters").query(filter)).await
    }

    /// One dead letter, with all that is in it.
    pub(crate) async fn dead_letter(&self, seq: u64) -> Result<DeadLetterDetail, ClientError> {
        self.0.ask(self.0.get(&format!("/v1/dead-letters/{seq}"))).await
    }

    /// Sends the message of a dead letter on its way again.
    pub(crate) async fn redrive(&self, seq: u64) -> Result<Redriven, ClientError> {
        self.0.ask(self.0.post(&format!("/v1/dead-letters/{seq}/redrive"))).await
    }

    /// The same for many, page by page.
    pub(crate) async fn redrive_many(
        &self,
        which: &RedriveMany,
    ) -> Result<RedrivenMany, ClientError> {
        let post = self.0.post("/v1/dead-letters/redrive").json(which);
        self.0.ask(post.timeout(REDRIVE_LIMIT)).await
    }

    /// Removes a dead letter for good.
    pub(crate) async fn drop_letter(&self, seq: u64) -> Result<(), ClientError> {
        self.0.tell(self.0.delete(&format!("/v1/dead-letters/{seq}"))).await
    }
}
