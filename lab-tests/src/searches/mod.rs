//! Checks every search and look-up of the console on the telemetry of real jobs: each finds what it should and nothing
//! else.
//!
//! Both labs run the same checks, since telemetry takes a different path in each: for example, the full lab's collector
//! writes an attribute's value before its key.

mod jobs;
mod metrics;
mod search_check;
mod traces;

use std::{collections::BTreeSet, time::Duration};

pub use jobs::SearchedJobs;
use search_check::SearchCheck;

use crate::Client;

/// Timeout of a check: metrics are fetched every few seconds.
const LIMIT: Duration = Duration::from_secs(30);
/// The lists with query parameters.
const LISTS: [&str; 8] = [
    "/",
    "/parts/traces",
    "/api/traces",
    "/api/logs",
    "/api/metrics",
    "/api/metrics/history",
    "/hooks",
    "/parts/hooks",
];

/// Runs all checks.
pub async fn check_all(client: &Client, jobs: &SearchedJobs) {
    let checks = [
        traces::lists(jobs),
        traces::pages(jobs),
        traces::marks_of_lost_spans(jobs),
        traces::single_trace(jobs),
        traces::each_attribute(client, jobs).await,
        metrics::logs(jobs),
        metrics::metrics(jobs),
        metrics::webhooks(jobs),
    ]
    .concat();
    for check in &checks {
        check.run(client, LIMIT).await;
    }
    check_that_every_parameter_is_used(client, &checks).await;
    println!("{} searches passed", checks.len());
}

/// Fails if a list has a parameter that no check uses. Each list names its parameters in the error for an unknown one.
async fn check_that_every_parameter_is_used(client: &Client, checks: &[SearchCheck]) {
    for list in LISTS {
        let response = client.console(&format!("{list}?unheard-of=1")).await;
        let (status, text) = response.expect("the console responds");
        assert_eq!(status, 400, "{list}: {text}");
        let known =
            text.split_once("known parameters: ").and_then(|(_, rest)| rest.split_once('.'));
        let (known, _) = known.unwrap_or_else(|| panic!("{list}: {text}"));
        let used: BTreeSet<&str> = checks.iter().flat_map(|check| check.parameters(list)).collect();
        for parameter in known.split(", ") {
            assert!(used.contains(parameter), "{list}: no check uses {parameter}");
        }
    }
}
