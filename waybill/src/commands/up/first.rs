//! The first job of a lab: submitted at once and followed until its trace is complete.

use std::time::{Duration, Instant};

use client::{ClientError, ConsoleClient, GatewayClient};
use contract::api::JobAccepted;
use tokio::time::{Instant as Deadline, sleep};
use trace::completeness;

use super::{output, printer::Event};
use crate::{lab_args::LabArgs, request::Preset};

/// Timeout for the acceptance of the first job and, after that, for its trace to be complete.
const LIMIT: Duration = Duration::from_secs(20);
/// Interval between two polls.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The first job and its trace.
#[derive(Debug)]
pub(super) struct FirstJob {
    pub(super) job_id: String,
    pub(super) trace_id: String,
    /// The URL of its trace.
    pub(super) page: String,
    /// What its trace lacks; `None` if the console does not receive traces.
    pub(super) lacks: Option<Vec<String>>,
}

/// Submits the first job and waits for its trace. `no_traces` says why the console will not receive it;
/// then this only waits for the job to end. Failures of the job are events, not errors.
pub(super) async fn run(
    address: &LabArgs,
    no_traces: Option<&str>,
    started_at: Instant,
) -> anyhow::Result<Event> {
    let (gateway, console) = (address.gateway()?, address.console()?);
    Ok(match first(&gateway, &console, no_traces).await {
        Ok(first) => output::first_job(&first, started_at.elapsed()),
        Err(error) => output::first_job_failed(&error.to_string()),
    })
}

async fn first(
    gateway: &GatewayClient,
    console: &ConsoleClient,
    no_traces: Option<&str>,
) -> Result<FirstJob, ClientError> {
    let accepted = submit(gateway).await?;
    let JobAccepted { id, trace_id, .. } = accepted;
    let deadline = Deadline::now() + LIMIT;
    let lacks = if no_traces.is_none() {
        Some(lacks(console, &trace_id, deadline).await?)
    } else {
        while !gateway.job(id).await?.state.is_terminal() && Deadline::now() < deadline {
            sleep(POLL_INTERVAL).await;
        }
        None
    };
    // Without a page, show the id and why.
    let page =
        no_traces.map_or_else(|| console.trace_page(&trace_id), |why| format!("{trace_id}, {why}"));
    Ok(FirstJob { job_id: id.to_string(), trace_id, page, lacks })
}

async fn submit(gateway: &GatewayClient) -> Result<JobAccepted, ClientError> {
    let mut request = Preset::Multiple.request();
    request.body["name"] = "the first job".into();
    // A submission without a response may have been stored: the key makes a retry safe.
    request.idempotency_key = Some(format!("first-{:032x}", rand::random::<u128>()));
    let deadline = Deadline::now() + LIMIT;
    loop {
        match gateway.submit(&request).await {
            Err(error) if error.is_transient() && Deadline::now() < deadline => {
                sleep(POLL_INTERVAL).await;
            }
            result => return result,
        }
    }
}

/// What the trace lacks at the deadline; empty as soon as it is complete.
async fn lacks(
    console: &ConsoleClient,
    trace_id: &str,
    deadline: Deadline,
) -> Result<Vec<String>, ClientError> {
    loop {
        let found = completeness(&console.trace(trace_id).await?.unwrap_or_default());
        if found.is_complete() || Deadline::now() >= deadline {
            return Ok(found.lacks());
        }
        sleep(POLL_INTERVAL).await;
    }
}
