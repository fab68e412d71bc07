//! The report of all checks, as text and JSON.

use std::fmt::Write as _;

use serde_json::json;

use super::check::{CheckStatus, DoctorCheck};
use crate::terminal::{BOLD, DIM, clean_lines, styled};

/// Columns before what was found: the status, the name, and the spaces around.
const INDENT: usize = 29;

/// All checks.
pub(super) struct DoctorReport(pub(super) Vec<Section>);

/// The checks of one lab, or of both.
pub(super) struct Section {
    lab: &'static str,
    title: &'static str,
    checks: Vec<DoctorCheck>,
}

impl Section {
    /// If the lab is not `wanted`, its failures become notes.
    pub(super) fn new(
        lab: &'static str,
        title: &'static str,
        wanted: bool,
        checks: Vec<DoctorCheck>,
    ) -> Self {
        let demote = |check: DoctorCheck| if wanted { check } else { check.demoted() };
        Self { lab, title, checks: checks.into_iter().map(demote).collect() }
    }
}

impl DoctorReport {
    /// The number of failed checks.
    pub(super) fn failures(&self) -> usize {
        let checks = self.0.iter().flat_map(|section| &section.checks);
        checks.filter(|check| check.status == CheckStatus::Failed).count()
    }

    /// One JSON object.
    pub(super) fn json(&self) -> String {
        let checks = self.0.iter().flat_map(|Section { lab, checks, .. }| {
            checks.iter().map(move |check| {
                let DoctorCheck { name, status, found, advice } = check;
                json!({"lab": lab, "name": name, "status": status, "found": found, "advice": advice})
            })
        });
        let checks: Vec<_> = checks.collect();
        format!("{:#}\n", json!({"ok": self.failures() == 0, "checks": checks}))
    }

    /// The checks as text, and a summary.
    pub(super) fn words(&self) -> String {
        let mut text = String::new();
        for Section { title, checks, .. } in &self.0 {
            let _ = writeln!(text, "{}", styled(BOLD, title));
            text.extend(checks.iter().map(words));
            text.push('\n');
        }
        text + &match self.failures() {
            0 => "all checks passed\n".to_owned(),
            1 => "one check failed\n".to_owned(),
            many => format!("{many} checks failed\n"),
        }
    }
}

fn words(check: &DoctorCheck) -> String {
    let found = clean_lines(&check.found).replace('\n', &format!("\n{:INDENT$}", ""));
    let mark = styled(check.status.style(), &format!("{:<7}", check.status.name()));
    let mut text = format!("{mark} {:<20} {found}\n", clean_lines(&check.name));
    if let Some(advice) = &check.advice {
        let _ =
            writeln!(text, "{:INDENT$}{}", "", styled(DIM, &format!("→ {}", clean_lines(advice))));
    }
    text
}
