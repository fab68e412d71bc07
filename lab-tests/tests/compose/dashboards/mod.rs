//! Runs the queries of every panel, annotation, variable and link of every dashboard against a lab under load.
//!
//! - [`read`]: the queries of the dashboards
//! - [`interpolate`]: interpolates variables as Grafana does
//! - [`choices`]: the values of the variables of a dashboard
//! - [`query`]: sends a query to its backend
//! - [`links`]: checks links
//! - [`may_be_empty`]: the queries that return no data on a healthy lab

mod choices;
mod interpolate;
mod links;
mod may_be_empty;
mod provisioned;
mod query;
mod read;

use std::{
    mem,
    time::{Duration, Instant},
};

use contract::signals::SLOTS;
use query::{Answer, FilledQuery};
use read::Dashboard;

use crate::{
    backends::Backends,
    docker::{FullLab, Shape},
    load::Load,
    memory,
};

/// Timeout for all queries to return data under load: Tempo's first metrics are the slowest.
const WARM_UP_LIMIT: Duration = Duration::from_secs(90);
/// Interval between two rounds of queries.
const ROUND_INTERVAL: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn every_panel_annotation_variable_and_link_has_data_in_a_lab_under_load() {
    let lab = FullLab::started(Shape::with(1)).await;
    let parts = Backends::of(&lab);
    let load = Load::start(&parts).await;
    // Otherwise the values of a variable would depend on the time of the scrapes.
    let stages = format!("count(count by (stage) ({})) == 3", SLOTS.name);
    parts.value(WARM_UP_LIMIT, &stages).await;
    let dashboards = read::all();
    let mut problems = links::problems(&dashboards, &parts, &load.retried).await;
    let asked = everything(&dashboards, &parts, &load).await;
    problems.extend(judged(&parts, asked).await);
    problems.extend(rules(&parts).await);
    tokio::task::block_in_place(|| memory::print_and_check(&lab, "under load"));
    drop(load);
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// All queries, one for each choice of variables.
async fn everything(dashboards: &[Dashboard], parts: &Backends, load: &Load) -> Vec<FilledQuery> {
    let mut asked = Vec::new();
    for dashboard in dashboards {
        let questions = dashboard.questions();
        for choice in choices::of(dashboard, parts, &load.retried).await {
            asked.extend(questions.iter().filter_map(|question| choice.fill(question)));
        }
    }
    asked.extend(provisioned::questions(&load.retried));
    assert!(asked.len() > 100, "only {} questions were read", asked.len());
    asked
}

/// Repeats the queries until all return data; on timeout, returns the problems.
async fn judged(parts: &Backends, all: Vec<FilledQuery>) -> Vec<String> {
    let started = Instant::now();
    let mut round = Round { open: all.clone(), ..Round::default() };
    loop {
        round.ask(parts).await;
        if round.open.iter().all(may_be_empty::matches) || started.elapsed() > WARM_UP_LIMIT {
            break;
        }
        tokio::time::sleep(ROUND_INTERVAL).await;
    }
    let (answered, open, absent) = (round.answered.len(), round.open.len(), round.absent.len());
    println!("{} questions: {answered} answered, {open} empty, {absent} not judged", all.len());
    for question in &round.absent {
        eprintln!("NOT JUDGED: the part that answers is not here: {question}");
    }
    let wrong =
        round.open.iter().zip(&round.why).filter(|(question, _)| !may_be_empty::matches(question));
    let mut problems: Vec<_> =
        wrong.map(|(question, why)| format!("{question}\n  {why}")).collect();
    problems.extend(may_be_empty::stale(&round.answered));
    problems
}

/// The state of the queries.
#[derive(Default)]
struct Round {
    answered: Vec<FilledQuery>,
    /// Queries whose backend is not in this lab.
    absent: Vec<FilledQuery>,
    open: Vec<FilledQuery>,
    /// The last results of the open queries.
    why: Vec<String>,
}

impl Round {
    /// Runs the open queries once.
    async fn ask(&mut self, parts: &Backends) {
        let now = parts.now().await;
        self.why.clear();
        for question in mem::take(&mut self.open) {
            match query::ask(parts, &question, now).await {
                Answer::Something => self.answered.push(question),
                Answer::NoResponse => self.absent.push(question),
                Answer::Nothing(why) => {
                    self.why.push(why);
                    self.open.push(question);
                }
            }
        }
    }
}

/// Rules that Prometheus cannot evaluate, and alerts in Grafana that do not exist in Prometheus.
async fn rules(parts: &Backends) -> Vec<String> {
    let url = format!("{}/api/v1/rules", parts.prometheus);
    let answer = parts.get(&url, &[]).await.unwrap();
    let groups = answer["data"]["groups"].as_array().unwrap();
    let rules = || groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    assert!(rules().count() > 10, "rules are loaded: {answer}");
    let broken = rules().filter(|rule| rule["health"] != "ok");
    let mut problems: Vec<_> =
        broken.map(|rule| format!("rule {}: {}", rule["name"], rule["lastError"])).collect();
    // A rule of Grafana is inactive if its alert does not exist.
    for name in provisioned::alerts() {
        if !rules().any(|rule| rule["type"] == "alerting" && rule["name"] == name) {
            problems.push(format!(
                "Grafana waits for the alert {name}, which Prometheus does not have"
            ));
        }
    }
    problems
}
