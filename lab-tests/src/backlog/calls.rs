//! The calls whose time is taken.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Side, fill};

/// One kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// A job is submitted.
    Submit,
    /// The first page of 50 jobs.
    List,
    /// A page in a state that no job is in: nothing can be left out of the search.
    ListNone,
    /// The oldest job.
    Read,
    /// The state of the queues.
    Queues,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Submit, Self::List, Self::ListNone, Self::Read, Self::Queues];

    /// As it is called in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::List => "list",
            Self::ListNone => "list none",
            Self::Read => "read",
            Self::Queues => "queues",
        }
    }

    /// Makes the call once and answers how long it took, its whole body included.
    pub(super) async fn time(self, side: &Side) -> Duration {
        let path = match self {
            Self::Submit => {
                let started = Instant::now();
                fill::submit(&side.gateway).await;
                return started.elapsed();
            }
            Self::List => "/v1/jobs?limit=50".to_owned(),
            Self::ListNone => "/v1/jobs?limit=50&state=failed".to_owned(),
            Self::Read => format!("/v1/jobs/{}", side.oldest.id),
            Self::Queues => "/v1/queues".to_owned(),
        };
        // Not parsed: a longer list takes the client longer to parse, and that is not the gateway's time.
        let gateway = side.gateway.http();
        let started = Instant::now();
        gateway.send(gateway.get(&path)).await.expect("the gateway answers");
        started.elapsed()
    }
}
