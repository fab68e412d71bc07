//! The questions that have no answer on a healthy lab, and what gives them one.

use super::ask::Asked;

/// One of them.
struct Quiet {
    /// Dashboard, panel and letter; a panel without a letter stands for all of its letters, and a star
    /// for every dashboard.
    at: &'static str,
    /// What fills it.
    filled_by: &'static str,
}

const GLOBAL_FAULT: &str = "a fault that is set for a whole service";
const BACKEND_AWAY: &str = "a backend that stays away from the collector";

const LIST: &[Quiet] = &[
    Quiet { at: "* / annotation Faults", filled_by: GLOBAL_FAULT },
    Quiet { at: "waybill-scenarios / Faults that are set", filled_by: GLOBAL_FAULT },
    Quiet {
        at: "waybill-clocks / Jobs whose wait was negative",
        filled_by: "the fault clock_skew",
    },
    Quiet { at: "waybill-telemetry / Collector: refused and lost / B", filled_by: BACKEND_AWAY },
    Quiet { at: "waybill-telemetry / Collector: refused and lost / C", filled_by: BACKEND_AWAY },
    Quiet { at: "waybill-telemetry / Collector: refused and lost / D", filled_by: BACKEND_AWAY },
];

/// Whether this question may stay without an answer.
pub(super) fn may_be(asked: &Asked) -> bool {
    LIST.iter().any(|quiet| quiet.is(asked))
}

/// Entries of the list that name no question, or one that has an answer after all.
pub(super) fn stale(all: &[Asked], answered: &[Asked]) -> Vec<String> {
    let mut problems = Vec::new();
    for quiet in LIST {
        if answered.iter().any(|asked| quiet.is(asked)) {
            problems.push(format!("{}: has an answer: take it off the quiet list", quiet.at));
        } else if all.iter().any(|asked| quiet.is(asked)) {
            println!("QUIET: {}: filled by {}", quiet.at, quiet.filled_by);
        } else {
            problems.push(format!("{}: is on the quiet list, and asks nothing", quiet.at));
        }
    }
    problems
}

impl Quiet {
    fn is(&self, asked: &Asked) -> bool {
        let rest = match self.at.strip_prefix('*') {
            Some(panel) => asked.at.split_once(panel).map(|(_, rest)| rest),
            None => asked.at.strip_prefix(self.at),
        };
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" / "))
    }
}
