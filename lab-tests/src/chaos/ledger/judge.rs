//! Compares what was accepted with what was observed.

use contract::{JobId, api::JobView, result::OperationOutcome, state::JobState};

use super::{Expected, Findings, Page, Tally, TraceVerdict, life::Life};

pub(super) fn findings(tally: &Tally) -> Findings {
    let mut findings = Findings::default();
    for (name, page) in &tally.pages {
        if page.promised {
            findings.accepted += 1;
            findings.accepted_again += page.repeats as usize;
        }
        check_page(name, page, &mut findings);
    }
    for name in &tally.strangers {
        findings.strangers.add(|| name.clone());
    }
    for (id, effect) in &tally.early_notifications {
        findings.strangers.add(|| format!("notification {effect} of {id}"));
    }
    findings
}

fn check_page(name: &str, page: &Page, findings: &mut Findings) {
    let is_known = |life: &Life| life.has_ended() || life.view.is_some();
    if page.promised && !page.lives.values().any(is_known) {
        findings.lost.add(|| format!("{name} {:?}", page.lives.keys()));
        return;
    }
    if page.lives.len() > 1 {
        let ids: Vec<String> = page.lives.keys().map(JobId::to_string).collect();
        findings
            .effects_twice
            .add(|| format!("{name}: one submission, several jobs: {}", ids.join(", ")));
    }
    for (id, life) in &page.lives {
        check_life(&format!("{name} ({id})"), page, life, findings);
    }
    match &page.trace {
        None if page.promised => {
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

fn check_life(who: &str, page: &Page, life: &Life, findings: &mut Findings) {
    if let Some(double) = life.doubles() {
        findings.effects_twice.add(|| format!("{who}: {double}"));
    }
    findings.notifications_repeated += life.repeats();
    if page.promised && page.notified && !life.is_notified() {
        findings.notifications_missing.add(|| who.to_owned());
    }
    let Some(view) = &life.view else {
        // Its record was observed, but the gateway no longer knows the job.
        findings.lost.add(|| format!("{who}: its record is gone"));
        return;
    };
    let state = view.state;
    *findings.ends.entry(state.name().to_owned()).or_default() += 1;
    if !state.is_terminal() {
        findings.without_end.add(|| format!("{who}: {state}"));
    } else if state == JobState::Dead && page.expected != Expected::Dead {
        let why = view.failure.as_ref().map(|failure| failure.detail.clone());
        findings.innocent_dead.add(|| format!("{who}: {}", why.unwrap_or_default()));
    } else if !is_as_expected(page.expected, view) {
        let (wanted, results) = (page.expected, &view.results);
        findings.wrong_end.add(|| format!("{who}: {state} with {results:?}, not {wanted:?}"));
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
        Expected::Succeeded(Some(wanted)) => {
            let is_value = value().and_then(|value| value.as_f64());
            view.state == JobState::Succeeded
                && is_value.is_some_and(|is| (is - wanted).abs() < 1e-9)
        }
        Expected::Failed => view.state == JobState::Failed,
        Expected::Dead => view.state == JobState::Dead,
    }
}
