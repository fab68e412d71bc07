//! Stuck jobs of a running lab, each with advice.

use client::GatewayClient;
use contract::{api::JobView, state::JobState};
use url::Url;

use super::check::DoctorCheck;
use crate::terminal::clean;

/// Most stuck jobs listed.
const NAMED_MAX: usize = 10;

/// One check per stuck job. Empty if the gateway at `port` does not respond: another check reports that.
pub(super) async fn checks(port: u16) -> Vec<DoctorCheck> {
    let Ok(url) = Url::parse(&format!("http://127.0.0.1:{port}")) else { return Vec::new() };
    let Ok(gateway) = GatewayClient::new(&url) else { return Vec::new() };
    let Ok(list) = gateway.stuck_jobs(NAMED_MAX + 1).await else { return Vec::new() };
    let mut checks: Vec<DoctorCheck> = list.jobs.iter().take(NAMED_MAX).map(check).collect();
    if list.jobs.len() > NAMED_MAX {
        let found = format!("more than these {NAMED_MAX} are stuck");
        checks.push(DoctorCheck::note(
            "jobs",
            found,
            "curl .../v1/jobs?stuck=true lists up to 500",
        ));
    }
    checks
}

fn check(job: &JobView) -> DoctorCheck {
    let (found, advice) = if job.state == JobState::Running {
        let worker = clean(job.worker.as_deref().unwrap_or("a worker"));
        (
            format!("running at {worker}, whose lease was not renewed for more than two ack waits"),
            format!(
                "if no worker takes over: waybill job cancel {id}, then waybill job retry {id}",
                id = job.id
            ),
        )
    } else {
        (
            format!("{} and past its deadline", job.state),
            format!(
                "its stage ends it when its message is delivered; if the message is lost, the gateway ends it as lost. \
                 To end it at once: waybill job cancel {}",
                job.id
            ),
        )
    };
    DoctorCheck::note(format!("job {}", job.id), found, advice)
}
