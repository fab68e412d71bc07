//! Every search and look-up of the console, tried on jobs that really ran: each finds what it is to find and nothing else.
//! The same is asked of both labs, since telemetry takes another way through each: the full lab's collector writes an
//! attribute's value before its key.

mod jobs;
mod metrics;
mod question;
mod traces;

use std::{collections::BTreeSet, time::Duration};

pub use jobs::Jobs;
use question::Question;

use crate::Client;

/// How long metrics may take: they are fetched every few seconds.
const LIMIT: Duration = Duration::from_secs(30);
/// The lists that take parameters.
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

/// Asks everything.
pub async fn all_find_what_they_should(client: &Client, jobs: &Jobs) {
    let questions = [
        traces::lists(jobs),
        traces::pages(jobs),
        traces::marks_of_lost_spans(jobs),
        traces::of_one(jobs),
        traces::every_attribute(client, jobs).await,
        metrics::logs(jobs),
        metrics::metrics(jobs),
        metrics::webhooks(jobs),
    ]
    .concat();
    for question in &questions {
        question.is_answered(client, LIMIT).await;
    }
    no_parameter_is_left_out(client, &questions).await;
    println!("{} questions were answered as they should be", questions.len());
}

/// Asks each list which parameters it knows: each of them has been in a question, so a new one is noticed.
async fn no_parameter_is_left_out(client: &Client, questions: &[Question]) {
    for list in LISTS {
        let answer = client.console(&format!("{list}?unheard-of=1")).await;
        let (status, text) = answer.expect("the console answers");
        assert_eq!(status, 400, "{list}: {text}");
        let known =
            text.split_once("known parameters: ").and_then(|(_, rest)| rest.split_once('.'));
        let (known, _) = known.unwrap_or_else(|| panic!("{list}: {text}"));
        let used: BTreeSet<&str> = questions.iter().flat_map(|one| one.parameters(list)).collect();
        for parameter in known.split(", ") {
            assert!(used.contains(parameter), "{list}: no question uses {parameter}");
        }
    }
}
