//! The jobs of a lab that runs: workers that fell silent and what they hold, and what waiting jobs wait for.

use std::collections::BTreeMap;

use contract::{
    api::{JobView, LIST_LIMIT_MAX, WaitReason, WaitView},
    signals,
    state::JobState::{self, Accepted, Queued, Retrying, Running},
};
use lab::Ports;

use super::check::Check;
use crate::{
    client::{Admin, ClientError, Gateway, JobFilter, sum_of},
    commands::job::held,
    lab_args::LabArgs,
};

/// Jobs named of one worker; the others are counted.
const JOBS_NAMED_MAX: usize = 5;

/// What the gateway of the lab on `ports` says of its jobs. Nothing while it does not answer: that is said elsewhere.
pub(super) async fn checks(ports: Ports) -> anyhow::Result<Vec<Check>> {
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

async fn jobs(gateway: &Gateway, state: JobState) -> Result<Vec<JobView>, ClientError> {
    let state = Some(state.name().to_owned());
    let filter = JobFilter { state, limit: LIST_LIMIT_MAX, ..JobFilter::default() };
    gateway.jobs(&filter).await.map(|list| list.jobs)
}

/// Whether every lease is renewed.
fn workers(running: &[JobView]) -> Check {
    const NAME: &str = "workers";
    let mut silent: BTreeMap<&str, Vec<&JobView>> = BTreeMap::new();
    for job in running {
        if let Some(lease) = job.lease.as_ref().filter(|lease| lease.is_silent()) {
            silent.entry(&lease.worker).or_default().push(job);
        }
    }
    if silent.is_empty() {
        let found = match running.len() {
            0 => "no job runs".to_owned(),
            1 => "one job runs, its lease is renewed".to_owned(),
            many => format!("{many} jobs run, their leases are renewed"),
        };
        return Check::ok(NAME, found);
    }
    let lines: Vec<String> = silent.values().map(|jobs| silent_worker(jobs)).collect();
    let advice = "nothing needs to be done: another worker takes these jobs over, and new jobs go on; if a take-over \
                  stays due, no worker is left: look at the processor";
    Check::failed(NAME, lines.join("\n"), advice)
}

fn silent_worker(jobs: &[&JobView]) -> String {
    let leases = jobs.iter().filter_map(|job| job.lease.as_ref());
    // The one that is taken over last: until then something is left to wait for.
    let last = leases.min_by_key(|lease| lease.silent_ms).map(held).unwrap_or_default();
    let mut named: Vec<String> =
        jobs.iter().take(JOBS_NAMED_MAX).map(|job| format!("{} ({})", job.id, job.name)).collect();
    if jobs.len() > JOBS_NAMED_MAX {
        named.push(format!("{} more", jobs.len() - JOBS_NAMED_MAX));
    }
    format!("{last}; it holds {}", named.join(", "))
}

/// What the jobs that do not run wait for.
fn queue(waiting: &[JobView]) -> Check {
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
        return Check::ok(NAME, "none");
    }
    let line = |(wait, count): &(&WaitView, usize)| match *count {
        1 => format!("one: {wait}"),
        many => format!("{many}: {wait}"),
    };
    let found = reasons.iter().map(line).collect::<Vec<_>>().join("\n");
    if reasons.iter().any(|(wait, _)| wait.reason == WaitReason::NoWorker) {
        let advice =
            "the supervisor starts a processor that ended within seconds; else look into its log";
        return Check::failed(NAME, found, advice);
    }
    Check::ok(NAME, found)
}

/// Whether notifications wait for a receiver that does not answer.
async fn receivers(ports: Ports) -> anyhow::Result<Option<Check>> {
    let notifier = Admin::new("notifier", ports.notifier_admin)?;
    let Ok(metrics) = notifier.metrics().await else { return Ok(None) };
    let away = sum_of(&metrics, signals::WEBHOOK_BREAKERS_OPEN.name, "");
    Ok((away > 0.0).then(|| {
        let found = format!("{away} webhook hosts do not answer; their notifications wait");
        Check::note("receivers", found, "they are tried again; the notifier's log names them")
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::commands::doctor::check::Status;
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
        let lives = held_by("p-1", 100, None);
        assert_eq!(workers(std::slice::from_ref(&lives)).status, Status::Ok);
        let silent =
            [held_by("p-2", 6_000, Some(4_000)), held_by("p-2", 4_500, Some(5_500)), lives];
        let check = workers(&silent);
        assert_eq!(check.status, Status::Failed);
        let told = "worker p-2 silent for 4 s, take-over in 6 s; it holds 01a1fe22-";
        assert!(check.found.starts_with(told) && check.found.contains("(nap)"), "{}", check.found);
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
        assert_eq!(check.status, Status::Ok);
        assert_eq!(check.found, "2: retry in 2 s\none: waits for a free slot");
        assert_eq!(queue(&[waits("no_worker", None)]).status, Status::Failed);
        assert_eq!(queue(&[]).found, "none");
    }
}
