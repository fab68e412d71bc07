//! The jobs of a running lab: silent workers and their jobs, and what waiting jobs wait for.

use std::collections::BTreeMap;

use client::{AdminClient, ClientError, GatewayClient, JobFilter};
use contract::{
    api::{JobView, LIST_LIMIT_MAX, WaitReason, WaitView},
    signals,
    state::JobState::{self, Accepted, Queued, Retrying, Running},
};
use lab::Ports;

use super::check::DoctorCheck;
use crate::{commands::job::lease_text, lab_args::LabArgs};

/// Most jobs listed per worker; the others are counted.
const JOBS_NAMED_MAX: usize = 5;

/// Checks the jobs of the lab on `ports`. Empty if the gateway does not respond: another check reports that.
pub(super) async fn checks(ports: Ports) -> anyhow::Result<Vec<DoctorCheck>> {
    let gateway = LabArgs::on(ports).gateway()?;
    let Ok(running) = jobs(&gateway, Running).await else { return Ok(Vec::new()) };
    let mut waiting = Vec::new();
    for state in [Accepted, Queued, Retrying] {
        waiting.extend(jobs(&gateway, state).await.unwrap_or_default());
    }
    let mut checks = vec![workers(&running), queue(&waiting)];
    checks.extend(receivers(ports).await?);
    Ok(checks)
}

async fn jobs(gateway: &GatewayClient, state: JobState) -> Result<Vec<JobView>, ClientError> {
    let state = Some(state.name().to_owned());
    let filter = JobFilter { state, limit: LIST_LIMIT_MAX, ..JobFilter::default() };
    gateway.jobs(&filter).await.map(|list| list.jobs)
}

/// Whether every lease is being renewed.
fn workers(running: &[JobView]) -> DoctorCheck {
    const NAME: &str = "workers";
    let mut silent: BTreeMap<&str, Vec<&JobView>> = BTreeMap::new();
    for job in running {
        if let Some(lease) = job.lease.as_ref().filter(|lease| lease.is_silent()) {
            silent.entry(&lease.worker).or_default().push(job);
        }
    }
    if silent.is_empty() {
        let found = match running.len() {
            0 => "no job is running".to_owned(),
            1 => "one job is running, its lease is being renewed".to_owned(),
            many => format!("{many} jobs are running, their leases are being renewed"),
        };
        return DoctorCheck::ok(NAME, found);
    }
    let lines: Vec<String> = silent.values().map(|jobs| silent_worker(jobs)).collect();
    let advice = "no action needed: another worker takes over these jobs, and new jobs run; if a take-over stays due, \
                  no worker is left: check the processor";
    DoctorCheck::failed(NAME, lines.join("\n"), advice)
}

fn silent_worker(jobs: &[&JobView]) -> String {
    let leases = jobs.iter().filter_map(|job| job.lease.as_ref());
    // The lease that is taken over last.
    let last = leases.min_by_key(|lease| lease.silent_ms).map(lease_text).unwrap_or_default();
    let mut named: Vec<String> =
        jobs.iter().take(JOBS_NAMED_MAX).map(|job| format!("{} ({})", job.id, job.name)).collect();
    if jobs.len() > JOBS_NAMED_MAX {
        named.push(format!("{} more", jobs.len() - JOBS_NAMED_MAX));
    }
    format!("{last}; it holds {}", named.join(", "))
}

/// What the waiting jobs wait for.
fn queue(waiting: &[JobView]) -> DoctorCheck {
    const NAME: &str = "waiting jobs";
    let mut reasons: Vec<(&WaitView, usize)> = Vec::new();
    for wait in waiting.iter().filter_map(|job| job.waiting.as_ref()) {
        match reasons.iter_mut().find(|(known, _)| known.reason == wait.reason) {
            Some((known, count)) => {
                *count += 1;
                if wait.due_in_ms < known.due_in_ms {
                    *known = wait;
                }
            }
            None => reasons.push((wait, 1)),
        }
    }
    if reasons.is_empty() {
        return DoctorCheck::ok(NAME, "none");
    }
    let line = |(wait, count): &(&WaitView, usize)| match *count {
        1 => format!("one: {wait}"),
        many => format!("{many}: {wait}"),
    };
    let found = reasons.iter().map(line).collect::<Vec<_>>().join("\n");
    if reasons.iter().any(|(wait, _)| wait.reason == WaitReason::NoWorker) {
        let advice =
            "the supervisor restarts a dead processor within seconds; if not, check its log";
        return DoctorCheck::failed(NAME, found, advice);
    }
    DoctorCheck::ok(NAME, found)
}

/// Whether notifications wait for an unreachable webhook receiver.
async fn receivers(ports: Ports) -> anyhow::Result<Option<DoctorCheck>> {
    let notifier = AdminClient::new("notifier", ports.notifier_admin)?;
    let Ok(metrics) = notifier.metrics().await else { return Ok(None) };
    let unreachable = metrics.sum(signals::WEBHOOK_BREAKERS_OPEN.name);
    Ok((unreachable > 0.0).then(|| {
        let found =
            format!("{unreachable} webhook hosts are unreachable; their notifications wait");
        DoctorCheck::note(
            "receivers",
            found,
            "they are retried; the log of the notifier names them",
        )
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::commands::doctor::check::CheckStatus;
    use contract::api::LeaseView;

    fn job(more: &Value) -> JobView {
        let mut job = json!({
            "id": "01a1fe22-cb74-7c05-9ec4-b86491c04741", "name": "nap", "kind": "wait",
            "state": "running", "round": 0, "trace_id": "", "attempts": 1, "attempts_max": 4,
            "interruptions": 0, "operations": 1, "accepted_at": "", "times": {"accepted_ms": 0},
        });
        for (field, value) in more.as_object().unwrap() {
            job[field] = value.clone();
        }
        serde_json::from_value(job).unwrap()
    }

    fn held_by(worker: &str, silent_ms: u64, takeover_in_ms: Option<u64>) -> JobView {
        let lease = LeaseView {
            worker: worker.to_owned(),
            run: 1,
            running_since: String::new(),
            written_at: String::new(),
            silent_ms,
            ack_wait_ms: 10_000,
            takeover_in_ms,
        };
        JobView { lease: Some(lease), ..job(&json!({})) }
    }

    #[test]
    fn a_silent_worker_is_named_with_its_jobs_and_its_countdown() {
        let alive = held_by("p-1", 100, None);
        assert_eq!(workers(std::slice::from_ref(&alive)).status, CheckStatus::Ok);
        let silent =
            [held_by("p-2", 6_000, Some(4_000)), held_by("p-2", 4_500, Some(5_500)), alive];
        let check = workers(&silent);
        assert_eq!(check.status, CheckStatus::Failed);
        let expected = "worker p-2 silent for 4 s, take-over in 6 s; it holds 01a1fe22-";
        assert!(
            check.found.starts_with(expected) && check.found.contains("(nap)"),
            "{}",
            check.found
        );
        assert!(!check.found.contains("p-1"), "{}", check.found);
    }

    #[test]
    fn waiting_jobs_are_counted_by_reason_and_a_lack_of_workers_is_a_failure() {
        let waits = |reason: &str, due_in_ms| {
            job(&json!({"waiting": {"reason": reason, "due_in_ms": due_in_ms}}))
        };
        let retries = [
            waits("retry_delay", Some(9_000)),
            waits("retry_delay", Some(1_500)),
            waits("slot", None),
        ];
        let check = queue(&retries);
        assert_eq!(check.status, CheckStatus::Ok);
        assert_eq!(check.found, "2: retry in 2 s\none: waits for a free slot");
        assert_eq!(queue(&[waits("no_worker", None)]).status, CheckStatus::Failed);
        assert_eq!(queue(&[]).found, "none");
    }
}
