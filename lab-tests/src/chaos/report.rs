//! What a run came to, for people and for machines.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::ledger::Findings;

/// One fault as it happened.
#[derive(Debug, Clone, Serialize)]
pub struct Struck {
    /// What was broken.
    pub fault: String,
    /// Its kind.
    pub kind: String,
    /// The job at which it was to strike.
    pub at_job: usize,
    /// When it struck, Unix milliseconds.
    pub struck_ms: i64,
    /// When it was over, Unix milliseconds.
    pub lifted_ms: i64,
    /// What showed that it took hold; the error says what was seen instead.
    pub proof: Result<String, String>,
    /// Milliseconds from the strike until 95 % of the rate before it; none: not before the end.
    pub recovery_ms: Option<i64>,
}

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Replays the schedule.
    pub seed: u64,
    /// Jobs of the load; those that faults brought with them come on top.
    pub jobs: usize,
    /// Jobs a second.
    pub rate: f64,
    /// The lab's ack wait.
    pub ack_wait_seconds: f64,
    /// From the first job to the last look.
    pub seconds: f64,
    /// What the ledger found.
    pub findings: Findings,
    /// Jobs that no client could have accepted within two minutes.
    pub never_accepted: usize,
    /// Spans that services dropped and counted.
    pub spans_dropped: u64,
    /// Every fault.
    pub faults: Vec<Struck>,
}

impl Report {
    /// Whether every promise was kept, and every fault was one.
    pub fn is_clean(&self) -> bool {
        self.findings.is_clean()
            && self.never_accepted == 0
            && self.faults.iter().all(|fault| fault.proof.is_ok())
    }

    /// How often each kind of fault struck.
    pub fn kinds(&self) -> BTreeMap<&str, usize> {
        let mut kinds = BTreeMap::new();
        for fault in &self.faults {
            *kinds.entry(fault.kind.as_str()).or_default() += 1;
        }
        kinds
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = &self.findings;
        writeln!(out, "\n{:<44} {:>9} {:>9}", "fault", "over s", "95 % s")?;
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
        writeln!(out, "{:>8}  accepted, {} of them again", found.accepted, found.accepted_again)?;
        writeln!(out, "{:>8}  ends {:?}", found.ends.values().sum::<usize>(), found.ends)?;
        for (name, kept) in found.musts() {
            writeln!(out, "{:>8}  {name}", kept.count)?;
            for example in &kept.examples {
                writeln!(out, "          - {example}")?;
            }
        }
        writeln!(out, "{:>8}  never accepted", self.never_accepted)?;
        writeln!(out, "{:>8}  notices repeated", found.notices_repeated)?;
        writeln!(out, "{:>8}  traces checked", found.traces_checked)?;
        for (why, count) in &found.traces_apart {
            writeln!(out, "{count:>8}  traces apart: {why}")?;
        }
        writeln!(out, "{:>8}  spans dropped and counted", self.spans_dropped)?;
        writeln!(out, "{}", if self.is_clean() { "PASSED" } else { "FAILED" })
    }
}

impl Struck {
    fn row(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |ms: i64| format!("{:.1}", ms as f64 / 1e3);
        let over = seconds(self.lifted_ms - self.struck_ms);
        let recovery = self.recovery_ms.map_or("not yet".to_owned(), seconds);
        let (fault, at_job) = (&self.fault, self.at_job);
        write!(out, "{at_job:>6} {fault:<37} {over:>9} {recovery:>9}")?;
        match &self.proof {
            Ok(proof) => writeln!(out, "  {proof}"),
            Err(seen) => writeln!(out, "  NO EFFECT: {seen}"),
        }
    }
}
