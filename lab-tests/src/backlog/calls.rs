//! The calls whose duration is measured.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{MeasuredLab, fill};

/// One kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Submits a job.
    Submit,
    /// Lists the newest 50 jobs.
    List,
    /// Lists jobs in a state that no job is in: the gateway must search all jobs.
    ListNone,
    /// Reads the oldest job.
    Read,
    /// Reads the state of the queues.
    Queues,
}

impl Call {
    /// All calls, in display order.
    pub const ALL: [Self; 5] = [Self::Submit, Self::List, Self::ListNone, Self::Read, Self::Queues];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::List => "list",
            Self::ListNone => "list none",
            Self::Read => "read",
            Self::Queues => "queues",
        }
    }

    /// Makes the call once and returns its duration, including the whole response body.
    pub(super) async fn time(self, lab: &MeasuredLab) -> Duration {
        let path = match self {
            Self::Submit => {
                let started = Instant::now();
                fill::submit(&lab.gateway).await;
                return started.elapsed();
            }
            Self::List => "/v1/jobs?limit=50".to_owned(),
            Self::ListNone => "/v1/jobs?limit=50&state=failed".to_owned(),
            Self::Read => format!("/v1/jobs/{}", lab.oldest.id),
            Self::Queues => "/v1/queues".to_owned(),
        };
        // The response is not parsed: parsing a longer list would add time that the gateway does not take.
        let gateway = lab.gateway.http();
        let started = Instant::now();
        gateway.send(gateway.get(&path)).await.expect("the gateway responds");
        started.elapsed()
    }
}
