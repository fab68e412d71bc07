//! The canary's job: handed to the gateway as any client does, and followed to its end.

use std::time::Duration;

use contract::JobSource;
use contract::api::{JobAccepted, JobView};
use contract::propagation::{SOURCE, TRACEPARENT, TraceParent};
use contract::state::JobState;
use serde_json::json;
use tokio::time::sleep;
use url::Url;

use crate::fetch::{Fetcher, NoAnswer};

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

/// Submits the job.
pub(super) async fn submit(fetcher: &Fetcher, gateway: &Url) -> Result<Taken, String> {
    let job = json!({"name": NAME, "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let request = fetcher
        .client
        .post(at(gateway, "v1/jobs"))
        .header(SOURCE, JobSource::Canary.name())
        .json(&job);
    let answer = fetcher.send(request).await.map_err(|error| described(&error))?;
    if answer.status() != reqwest::StatusCode::ACCEPTED {
        return Err(described(&NoAnswer::Status(answer.status().as_u16())));
    }
    let root = answer.headers().get(TRACEPARENT).and_then(|text| text.to_str().ok());
    let root = root.and_then(|text| text.parse().ok());
    let body = fetcher.body(answer, ANSWER_BYTES_MAX).await.map_err(|error| described(&error))?;
    let accepted =
        serde_json::from_slice(&body).map_err(|_| "the response of the gateway is not a job")?;
    let root = root.ok_or("the response of the gateway has no traceparent")?;
    Ok(Taken { accepted, root })
}

/// Waits for the job's end without a limit: the caller has one. `seen` gets its last state.
pub(super) async fn ended(
    fetcher: &Fetcher,
    gateway: &Url,
    taken: &Taken,
    seen: &mut String,
) -> Result<(), String> {
    let url = at(gateway, &format!("v1/jobs/{}", taken.accepted.id));
    loop {
        let answer = fetcher.get(url.clone(), "application/json", ANSWER_BYTES_MAX).await;
        let job = answer.map(|answer| serde_json::from_slice::<JobView>(&answer.body).ok());
        match job {
            Ok(Some(job)) if job.state == JobState::Succeeded => return Ok(()),
            Ok(Some(job)) if job.state.is_terminal() => {
                return Err(format!("the job ended as {}", job.state.name()));
            }
            Ok(Some(job)) => *seen = format!("the job is still {}", job.state.name()),
            Ok(None) => "the response of the gateway is not a job".clone_into(seen),
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

fn described(error: &NoAnswer) -> String {
    format!("the gateway {error}")
}
