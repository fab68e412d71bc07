//! The client of the gateway.

use std::time::Duration;

use contract::{
    JobId,
    api::{
        DeadLetterDetail, DeadLetterList, EventAccepted, IDEMPOTENCY_KEY, JobAccepted, JobList,
        JobView, QueueList, RawEvent, RedriveMany, Redriven, RedrivenMany,
    },
    propagation::{FAULT, SOURCE, TRACEPARENT, TraceParent},
};
use serde::de::DeserializeOwned;
use url::Url;

use super::{
    error::ClientError,
    http::PartClient,
    request::{DeadLetterFilter, JobFilter, JobRequest},
    sse::EventStream,
};

/// Request timeout; the gateway's own is shorter.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Timeout for redriving one page of dead letters.
const REDRIVE_TIMEOUT: Duration = Duration::from_mins(1);

const NAME: &str = "gateway";

/// The client of a gateway.
#[derive(Debug, Clone)]
pub struct GatewayClient(PartClient);

impl GatewayClient {
    /// The gateway at `url`.
    pub fn new(url: &Url) -> anyhow::Result<Self> {
        PartClient::new(NAME, url, REQUEST_TIMEOUT).map(Self)
    }

    /// The gateway at `url`, through a client that exists.
    pub fn over(client: reqwest::Client, url: &Url) -> Self {
        Self(PartClient::over(client, NAME, url))
    }

    /// The same with this limit for the body of a response, in bytes.
    #[must_use]
    pub fn with_body_bytes_max(self, body_bytes_max: usize) -> Self {
        Self(self.0.with_body_bytes_max(body_bytes_max))
    }

    /// For requests that this client does not know.
    pub const fn http(&self) -> &PartClient {
        &self.0
    }

    /// The queues and stores, each with its error, if any.
    pub async fn queues(&self) -> Result<QueueList, ClientError> {
        self.0.fetch(self.0.get("/v1/queues")).await
    }

    /// The base URL.
    pub fn url(&self) -> &str {
        self.0.base()
    }

    /// Submits a job.
    pub async fn submit(&self, request: &JobRequest) -> Result<JobAccepted, ClientError> {
        self.submit_traced(request).await.map(|(accepted, _)| accepted)
    }

    /// Submits a job; also returns the span that is the root of its trace, if the response has it.
    pub async fn submit_traced(
        &self,
        request: &JobRequest,
    ) -> Result<(JobAccepted, Option<TraceParent>), ClientError> {
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
        let (accepted, headers) = self.0.fetch_whole(post).await?;
        let root = headers.get(TRACEPARENT).and_then(|text| text.to_str().ok());
        Ok((accepted, root.and_then(|text| text.parse().ok())))
    }

    /// Submits a raw event.
    pub async fn event(&self, event: &RawEvent) -> Result<EventAccepted, ClientError> {
        self.0.fetch(self.0.post("/v1/events").json(event)).await
    }

    /// The current state of a job.
    pub async fn job(&self, id: JobId) -> Result<JobView, ClientError> {
        self.job_as(&id.to_string()).await
    }

    /// The same in another shape, for readers that expect other versions of the gateway. The id must be fit
    /// for a path.
    pub async fn job_as<T: DeserializeOwned>(&self, id: &str) -> Result<T, ClientError> {
        self.0.fetch(self.0.get(&format!("/v1/jobs/{id}"))).await
    }

    /// The newest jobs.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<JobList, ClientError> {
        self.jobs_as(filter).await
    }

    /// The same in another shape, for readers that expect other versions of the gateway.
    pub async fn jobs_as<T: DeserializeOwned>(&self, filter: &JobFilter) -> Result<T, ClientError> {
        self.0.fetch(self.0.get("/v1/jobs").query(filter)).await
    }

    /// Stuck jobs, oldest first.
    pub async fn stuck_jobs(&self, limit: usize) -> Result<JobList, ClientError> {
        let limit = limit.to_string();
        let wanted = [("stuck", "true"), ("limit", limit.as_str())];
        self.0.fetch(self.0.get("/v1/jobs").query(&wanted)).await
    }

    /// Cancels a job; it may still run for a moment.
    pub async fn cancel(&self, id: JobId) -> Result<JobView, ClientError> {
        self.0.send(self.0.post(&format!("/v1/jobs/{id}/cancel"))).await?;
        self.job(id).await
    }

    /// Starts a new round of a job that has ended.
    pub async fn retry(&self, id: JobId) -> Result<JobView, ClientError> {
        self.0.send(self.0.post(&format!("/v1/jobs/{id}/retry"))).await?;
        self.job(id).await
    }

    /// The event stream of a job, for `limit` at most.
    pub async fn follow(&self, id: JobId, limit: Duration) -> Result<EventStream, ClientError> {
        self.0.events(self.0.get(&format!("/v1/jobs/{id}/events")), limit).await
    }

    /// The newest dead letters.
    pub async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
    ) -> Result<DeadLetterList, ClientError> {
        self.0.fetch(self.0.get("/v1/dead-letters").query(filter)).await
    }

    /// One dead letter, with headers and body.
    pub async fn dead_letter(&self, seq: u64) -> Result<DeadLetterDetail, ClientError> {
        self.0.fetch(self.0.get(&format!("/v1/dead-letters/{seq}"))).await
    }

    /// Redrives a dead letter.
    pub async fn redrive(&self, seq: u64) -> Result<Redriven, ClientError> {
        self.0.fetch(self.0.post(&format!("/v1/dead-letters/{seq}/redrive"))).await
    }

    /// Redrives one page of dead letters.
    pub async fn redrive_many(&self, which: &RedriveMany) -> Result<RedrivenMany, ClientError> {
        let post = self.0.post("/v1/dead-letters/redrive").json(which);
        self.0.fetch(post.timeout(REDRIVE_TIMEOUT)).await
    }

    /// Deletes a dead letter.
    pub async fn delete_dead_letter(&self, seq: u64) -> Result<(), ClientError> {
        self.0.send(self.0.delete(&format!("/v1/dead-letters/{seq}"))).await
    }
}
