//! The canary's job: handed to the gateway as any client does, and followed to its end.

use std::time::Duration;

use anyhow::Context as _;
use client::{ClientError, GatewayClient, JobRequest, NoResponse, UnexpectedResponse};
use contract::JobSource;
use contract::api::JobAccepted;
use contract::propagation::TraceParent;
use contract::state::JobState;
use reqwest::redirect::Policy;
use serde_json::json;
use tokio::time::sleep;
use url::Url;

use super::QUESTION_LIMIT;
use crate::fetch::NoAnswer;

/// The name that distinguishes canary jobs from others.
pub(super) const NAME: &str = "canary";

/// Pause between two looks at the job.
const PAUSE: Duration = Duration::from_millis(50);

/// Largest answer of the gateway.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// A job that the gateway took.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) accepted: JobAccepted,
    /// The gateway's span, which roots the trace.
    pub(super) root: TraceParent,
}

/// The client through which canaries are submitted and followed.
pub(super) fn gateway(url: &Url) -> anyhow::Result<GatewayClient> {
    let http = client::http_builder(QUESTION_LIMIT).redirect(Policy::none()).build();
    let http = http.context("cannot build the HTTP client for the gateway")?;
    Ok(GatewayClient::over(http, url).with_body_bytes_max(ANSWER_BYTES_MAX))
}

/// Submits the job.
pub(super) async fn submit(gateway: &GatewayClient) -> Result<Taken, String> {
    let job = json!({"name": NAME, "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let request = JobRequest { source: JobSource::Canary, ..JobRequest::new(job) };
    let submitted = gateway.submit_traced(&request).await;
    let (accepted, root) = submitted.map_err(|error| described(&error))?;
    let root = root.ok_or("the response of the gateway has no traceparent")?;
    Ok(Taken { accepted, root })
}

/// Waits for the job's end without a limit: the caller has one. `seen` gets its last state.
pub(super) async fn ended(
    gateway: &GatewayClient,
    taken: &Taken,
    seen: &mut String,
) -> Result<(), String> {
    loop {
        match gateway.job(taken.accepted.id).await {
            Ok(job) if job.state == JobState::Succeeded => return Ok(()),
            Ok(job) if job.state.is_terminal() => {
                return Err(format!("the job ended as {}", job.state.name()));
            }
            Ok(job) => *seen = format!("the job is still {}", job.state.name()),
            Err(error) => *seen = described(&error),
        }
        sleep(PAUSE).await;
    }
}

/// `path` at the server of `base`.
pub(super) fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// What the gateway did instead, in the words that the checks have for every part.
fn described(error: &ClientError) -> String {
    let no_answer = match error {
        ClientError::Unreachable { cause: NoResponse::Timeout, .. } => {
            NoAnswer::Slow(QUESTION_LIMIT)
        }
        ClientError::Unreachable { cause: NoResponse::BrokenOff(_), .. } => NoAnswer::BrokenOff,
        ClientError::Unreachable { .. } => NoAnswer::Unreachable,
        ClientError::Refused { status, .. } => NoAnswer::Status(*status),
        ClientError::Unexpected { what, .. } => match what {
            UnexpectedResponse::Status(status) => NoAnswer::Status(status.as_u16()),
            UnexpectedResponse::TooLarge(bytes) => NoAnswer::TooLarge(*bytes),
            UnexpectedResponse::Invalid(_) | UnexpectedResponse::EventTooLarge(_) => {
                return "the response of the gateway is not a job".to_owned();
            }
        },
    };
    format!("the gateway {no_answer}")
}
