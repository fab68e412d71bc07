//! The queries that return no data on a healthy lab.

use super::{query::FilledQuery, read};

/// One of them.
struct Entry {
    /// Dashboard, panel and query letter; without a letter, all queries of the panel; `*` for every dashboard.
    at: &'static str,
    /// When it returns data.
    filled_by: &'static str,
}

const BACKEND_AWAY: &str = "a backend that stays away from the collector";

const LIST: &[Entry] = &[
    Entry {
        at: "waybill-clocks / Jobs whose wait was negative",
        filled_by: "the fault clock_skew",
    },
    Entry { at: "waybill-telemetry / Collector: refused and lost / B", filled_by: BACKEND_AWAY },
    Entry { at: "waybill-telemetry / Collector: refused and lost / C", filled_by: BACKEND_AWAY },
    Entry { at: "waybill-telemetry / Collector: refused and lost / D", filled_by: BACKEND_AWAY },
];

#[test]
fn every_query_that_may_be_empty_exists_in_a_dashboard() {
    let dashboards = read::all();
    let queries: Vec<_> = dashboards.iter().flat_map(read::Dashboard::questions).collect();
    let unknown: Vec<_> = LIST
        .iter()
        .filter(|entry| !queries.iter().any(|query| entry.names(&query.at)))
        .map(|entry| entry.at)
        .collect();
    assert!(unknown.is_empty(), "no dashboard has these queries: {unknown:#?}");
}

/// Whether this query may return nothing.
pub(super) fn matches(query: &FilledQuery) -> bool {
    LIST.iter().any(|entry| entry.names(&query.at))
}

/// Entries of the list whose queries returned data.
pub(super) fn stale(answered: &[FilledQuery]) -> Vec<String> {
    let mut problems = Vec::new();
    for entry in LIST {
        if answered.iter().any(|query| entry.names(&query.at)) {
            problems.push(format!("{}: has an answer: take it out of LIST", entry.at));
        } else {
            println!("EMPTY: {}: filled by {}", entry.at, entry.filled_by);
        }
    }
    problems
}

impl Entry {
    fn names(&self, query: &str) -> bool {
        let rest = match self.at.strip_prefix('*') {
            Some(panel) => query.split_once(panel).map(|(_, rest)| rest),
            None => query.strip_prefix(self.at),
        };
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" / "))
    }
}
