//! Jobs of a lab that runs which do not move, each with what to do about it.

use contract::{api::JobView, state::JobState};
use url::Url;

use super::check::Check;
use crate::{client::Gateway, terminal::clean};

/// Jobs that are named; of more only the number is told.
const NAMED_MAX: usize = 10;

/// A line for each job that does not move. Nothing if no gateway answers at `port`: another check says so.
pub(super) async fn checks(port: u16) -> Vec<Check> {
    let Ok(url) = Url::parse(&format!("http://127.0.0.1:{port}")) else { return Vec::new() };
    let Ok(gateway) = Gateway::new(&url) else { return Vec::new() };
    let Ok(list) = gateway.stuck_jobs(NAMED_MAX + 1).await else { return Vec::new() };
    let mut checks: Vec<Check> = list.jobs.iter().take(NAMED_MAX).map(check).collect();
    if list.jobs.len() > NAMED_MAX {
        let found = format!("more than these {NAMED_MAX} do not move");
        checks.push(Check::note("jobs", found, "curl .../v1/jobs?stuck=true lists up to 500"));
    }
    checks
}

fn check(job: &JobView) -> Check {
    let (found, advice) = if job.state == JobState::Running {
        let worker = clean(job.worker.as_deref().unwrap_or("a worker"));
        (
            format!("running at {worker}, which has not written for more than two ack waits"),
            format!(
                "if no processor takes it over: waybill job cancel {id}, then waybill job retry {id}",
                id = job.id
            ),
        )
    } else {
        (
            format!("{} and past its deadline", job.state),
            format!(
                "its stage ends it as soon as it meets its message; if the message is gone the gateway does, as \
                 lost. At once: waybill job cancel {}",
                job.id
            ),
        )
    };
    Check::note(format!("job {}", job.id), found, advice)
}
