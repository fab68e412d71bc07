//! The first job of a lab: handed in at once, and followed until its trace is complete.

use std::time::{Duration, Instant};

use contract::api::JobAccepted;
use tokio::time::{Instant as Deadline, sleep};

use super::{output, printer::News};
use crate::{
    client::{ClientError, Console, Gateway},
    lab_args::LabArgs,
    request::Preset,
    trace::completeness,
};

/// How long the first job may take to be accepted and, after that, its trace to be complete.
const LIMIT: Duration = Duration::from_secs(20);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// The first job, as far as it came.
#[derive(Debug)]
pub(super) struct First {
    pub(super) job_id: String,
    pub(super) trace_id: String,
    /// The page that shows its trace.
    pub(super) page: String,
    /// What its trace lacks; `None` where the console does not get it.
    pub(super) lacks: Option<Vec<String>>,
}

/// Hands the first job in and waits for its trace; `no_traces` says why the console will not have it, and
/// then only its end is waited for. Errors of the job are news, not errors.
pub(super) async fn tell(
    address: &LabArgs,
    no_traces: Option<&str>,
    began: Instant,
) -> anyhow::Result<News> {
    let (gateway, console) = (address.gateway()?, address.console()?);
    Ok(match first(&gateway, &console, no_traces).await {
        Ok(first) => output::first(&first, began.elapsed()),
        Err(error) => output::no_first(&error.to_string()),
    })
}

async fn first(
    gateway: &Gateway,
    console: &Console,
    no_traces: Option<&str>,
) -> Result<First, ClientError> {
    let accepted = submit(gateway).await?;
    let JobAccepted { id, trace_id, .. } = accepted;
    let deadline = Deadline::now() + LIMIT;
    let lacks = if no_traces.is_none() {
        Some(lacks(console, &trace_id, deadline).await?)
    } else {
        while !gateway.job(id).await?.state.is_terminal() && Deadline::now() < deadline {
            sleep(PAUSE).await;
        }
        None
    };
    // Where it can be looked at, and by what.
    let page =
        no_traces.map_or_else(|| console.trace_page(&trace_id), |why| format!("{trace_id}, {why}"));
    Ok(First { job_id: id.to_string(), trace_id, page, lacks })
}

async fn submit(gateway: &Gateway) -> Result<JobAccepted, ClientError> {
    let mut request = Preset::Multiple.request();
    request.body["name"] = "the first job".into();
    // A submission that was not answered may have been stored: with a key it may be repeated.
    request.idempotency_key = Some(format!("first-{:032x}", rand::random::<u128>()));
    let deadline = Deadline::now() + LIMIT;
    loop {
        match gateway.submit(&request).await {
            Err(error) if error.may_pass() && Deadline::now() < deadline => sleep(PAUSE).await,
            answer => return answer,
        }
    }
}

/// What the trace lacks at last; nothing, as soon as it is complete.
async fn lacks(
    console: &Console,
    trace_id: &str,
    deadline: Deadline,
) -> Result<Vec<String>, ClientError> {
    loop {
        let found = completeness(&console.trace(trace_id).await?.unwrap_or_default());
        if found.is_complete() || Deadline::now() >= deadline {
            return Ok(found.lacks());
        }
        sleep(PAUSE).await;
    }
}
