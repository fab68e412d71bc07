//! Compares what was accepted with what was observed.

use contract::{JobId, api::JobView, result::OperationOutcome, state::JobState};

use super::{Expected, Findings, Submission, Tally, TraceVerdict, observed_job::ObservedJob};

pub(super) fn findings(tally: &Tally) -> Findings {
    let mut findings = Findings::default();
    for (name, submission) in &tally.submissions {
        if submission.accepted {
            findings.accepted += 1;
            findings.accepted_repeatedly += submission.repeats as usize;
        }
        check_submission(name, submission, &mut findings);
    }
    for name in &tally.unknown_jobs {
        findings.unknown_jobs.add(|| name.clone());
    }
    for (id, effect) in &tally.early_notifications {
        findings.unknown_jobs.add(|| format!("notification {effect} of {id}"));
    }
    findings
}

fn check_submission(name: &str, submission: &Submission, findings: &mut Findings) {
    let is_known = |job: &ObservedJob| job.has_ended() || job.view.is_some();
    if submission.accepted && !submission.jobs.values().any(is_known) {
        findings.lost.add(|| format!("{name} {:?}", submission.jobs.keys()));
        return;
    }
    if submission.jobs.len() > 1 {
        let ids: Vec<String> = submission.jobs.keys().map(JobId::to_string).collect();
        findings
            .duplicate_effects
            .add(|| format!("{name}: one submission, several jobs: {}", ids.join(", ")));
    }
    for (id, job) in &submission.jobs {
        check_job(&format!("{name} ({id})"), submission, job, findings);
    }
    match &submission.trace {
        None if submission.accepted => {
            *findings.traces_excused.entry("not checked before the run ended").or_default() += 1;
        }
        None => {}
        Some(TraceVerdict::Complete) => findings.traces_checked += 1,
        Some(TraceVerdict::Broken(why)) => {
            findings.traces_checked += 1;
            findings.traces_incomplete.add(|| format!("{name}: {why}"));
        }
        Some(TraceVerdict::Excused(why)) => *findings.traces_excused.entry(why).or_default() += 1,
    }
}

fn check_job(name: &str, submission: &Submission, job: &ObservedJob, findings: &mut Findings) {
    if let Some(duplicate) = job.duplicate_effect() {
        findings.duplicate_effects.add(|| format!("{name}: {duplicate}"));
    }
    findings.notifications_repeated += job.repeats();
    if submission.accepted && submission.expects_notification && !job.is_notified() {
        findings.notifications_missing.add(|| name.to_owned());
    }
    let Some(view) = &job.view else {
        // Its record was observed, but the gateway no longer knows the job.
        findings.lost.add(|| format!("{name}: its record is gone"));
        return;
    };
    let state = view.state;
    *findings.ends.entry(state.name().to_owned()).or_default() += 1;
    if !state.is_terminal() {
        findings.not_terminal.add(|| format!("{name}: {state}"));
    } else if state == JobState::Dead && submission.expected != Expected::Dead {
        let why = view.failure.as_ref().map(|failure| failure.detail.clone());
        findings.unexpectedly_dead.add(|| format!("{name}: {}", why.unwrap_or_default()));
    } else if !is_as_expected(submission.expected, view) {
        let (expected, results) = (submission.expected, &view.results);
        findings
            .wrong_outcome
            .add(|| format!("{name}: {state} with {results:?}, not {expected:?}"));
    }
}

fn is_as_expected(expected: Expected, view: &JobView) -> bool {
    let value = || {
        let result = view.results.as_ref()?.first()?.result.as_ref()?;
        let OperationOutcome::Value(value) = result else { return None };
        Some(value.clone())
    };
    match expected {
        Expected::Succeeded(None) => view.state == JobState::Succeeded && value().is_some(),
        Expected::Succeeded(Some(expected_value)) => {
            let number = value().and_then(|value| value.as_f64());
            view.state == JobState::Succeeded
                && number.is_some_and(|number| (number - expected_value).abs() < 1e-9)
        }
        Expected::Failed => view.state == JobState::Failed,
        Expected::Dead => view.state == JobState::Dead,
    }
}
