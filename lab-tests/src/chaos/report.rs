//! The report of a run, as text and JSON.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::ledger::Findings;

/// One injected fault and its effect.
#[derive(Debug, Clone, Serialize)]
pub struct FaultEffect {
    /// The fault with its parameters.
    pub fault: String,
    /// Kind of the fault, without parameters.
    pub kind: String,
    /// The number of the job at which it was scheduled.
    pub at_job: usize,
    /// Unix milliseconds.
    #[serde(rename = "struck_ms")]
    pub injected_ms: i64,
    /// Unix milliseconds.
    #[serde(rename = "lifted_ms")]
    pub ended_ms: i64,
    /// Proof that it took effect; the error says what was observed instead.
    pub proof: Result<String, String>,
    /// Milliseconds from the fault until jobs end at 95 % of the previous rate; `None` if they did not before the
    /// run ended.
    pub recovery_ms: Option<i64>,
}

/// The result of a run.
#[derive(Debug, Clone, Serialize)]
pub struct ChaosReport {
    /// Replays the run.
    pub seed: u64,
    /// Jobs of the load, without those that carry faults.
    pub jobs: usize,
    /// Jobs per second.
    pub rate: f64,
    /// Ack wait of the lab.
    pub ack_wait_seconds: f64,
    /// From the first job to the last query.
    pub seconds: f64,
    /// What the ledger found.
    pub findings: Findings,
    /// Jobs that were not accepted within two minutes.
    pub never_accepted: usize,
    /// Spans that services dropped and counted.
    pub spans_dropped: u64,
    /// In the order of injection.
    pub faults: Vec<FaultEffect>,
}

impl ChaosReport {
    /// Whether there are no findings, and every fault took effect.
    pub fn is_clean(&self) -> bool {
        self.findings.is_clean()
            && self.never_accepted == 0
            && self.faults.iter().all(|fault| fault.proof.is_ok())
    }

    /// The number of faults of each kind.
    pub fn kinds(&self) -> BTreeMap<&str, usize> {
        let mut kinds = BTreeMap::new();
        for fault in &self.faults {
            *kinds.entry(fault.kind.as_str()).or_default() += 1;
        }
        kinds
    }
}

impl fmt::Display for ChaosReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = &self.findings;
        writeln!(out, "\n{:<44} {:>9} {:>9}", "fault", "lasted s", "95 % s")?;
        for fault in &self.faults {
            fault.row(out)?;
        }
        let (kinds, count) = (self.kinds().len(), self.faults.len());
        let Self { seed, jobs, rate, seconds, ack_wait_seconds: ack_wait, .. } = self;
        writeln!(
            out,
            "\nseed {seed}: {jobs} jobs at {rate:.1}/s in {seconds:.0} s, ack wait {ack_wait} s"
        )?;
        writeln!(out, "{count} faults of {kinds} kinds")?;
        writeln!(
            out,
            "{:>8}  accepted, {} of them repeatedly",
            found.accepted, found.accepted_repeatedly
        )?;
        writeln!(out, "{:>8}  ended: {:?}", found.ends.values().sum::<usize>(), found.ends)?;
        for (name, violations) in found.violations() {
            writeln!(out, "{:>8}  {name}", violations.count)?;
            for example in &violations.examples {
                writeln!(out, "          - {example}")?;
            }
        }
        writeln!(out, "{:>8}  never accepted", self.never_accepted)?;
        writeln!(out, "{:>8}  notifications repeated", found.notifications_repeated)?;
        writeln!(out, "{:>8}  traces checked", found.traces_checked)?;
        for (why, count) in &found.traces_excused {
            writeln!(out, "{count:>8}  traces excused: {why}")?;
        }
        writeln!(out, "{:>8}  spans dropped and counted", self.spans_dropped)?;
        writeln!(out, "{}", if self.is_clean() { "PASSED" } else { "FAILED" })
    }
}

impl FaultEffect {
    fn row(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |ms: i64| format!("{:.1}", ms as f64 / 1e3);
        let duration = seconds(self.ended_ms - self.injected_ms);
        let recovery = self.recovery_ms.map_or("not yet".to_owned(), seconds);
        let (fault, at_job) = (&self.fault, self.at_job);
        write!(out, "{at_job:>6} {fault:<37} {duration:>9} {recovery:>9}")?;
        match &self.proof {
            Ok(proof) => writeln!(out, "  {proof}"),
            Err(seen) => writeln!(out, "  NO EFFECT: {seen}"),
        }
    }
}
