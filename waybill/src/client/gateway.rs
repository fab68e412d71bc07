//! The gateway: jobs in, and how they fare.

use contract::{
    JobId,
    api::{IDEMPOTENCY_KEY, JobAccepted, JobList, JobView},
    waybill::FAULT,
};
use url::Url;

use super::{error::ClientError, http::Http};
use crate::request::JobRequest;

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
    /// At most so many.
    pub(crate) limit: usize,
}

impl Gateway {
    pub(crate) fn new(url: &Url) -> anyhow::Result<Self> {
        Http::new("gateway", url).map(Self)
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
        if let Some(key) = &request.idempotency_key {
            post = post.header(IDEMPOTENCY_KEY, key);
        }
        self.0.ask(post).await
    }

    /// How a job fares.
    pub(crate) async fn job(&self, id: JobId) -> Result<JobView, ClientError> {
        self.0.ask(self.0.get(&format!("/v1/jobs/{id}"))).await
    }

    /// The newest jobs.
    pub(crate) async fn jobs(&self, filter: &JobFilter) -> Result<JobList, ClientError> {
        self.0.ask(self.0.get("/v1/jobs").query(filter)).await
    }
}
