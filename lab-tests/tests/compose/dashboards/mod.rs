//! Every panel, annotation, variable and link of every dashboard, put to the running backends under load.
//!
//! - [`read`]: what the dashboards and the provisioned files ask
//! - [`fill`]: puts values where variables stand, as Grafana does
//! - [`choices`]: which values the variables of a dashboard can take
//! - [`ask`]: puts a question to its backend
//! - [`links`]: where links lead
//! - [`may_be_empty`]: the queries that return nothing on a healthy lab, and what would fill them

mod ask;
mod choices;
mod fill;
mod links;
mod may_be_empty;
mod provisioned;
mod read;

use std::{
    mem,
    time::{Duration, Instant},
};

use ask::{Answer, FilledQuery};
use contract::signals::SLOTS;
use read::Dashboard;

use crate::{
    backends::Backends,
    docker::{FullLab, Shape},
    load::Load,
    memory,
};

/// How long answers may take to be there once the load runs: Tempo's first metrics are the slowest.
const WARM_UP_LIMIT: Duration = Duration::from_secs(90);
/// Time between two rounds of questions.
const ROUND_INTERVAL: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the images: make compose-test"]
async fn every_panel_annotation_variable_and_link_has_an_answer_in_a_lab_under_load() {
    let lab = FullLab::started(Shape::with(1)).await;
    let parts = Backends::of(&lab);
    let load = Load::start(&parts).await;
    // Else a list would offer what was scraped by chance so far.
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

/// All questions with their variables filled in, one for each choice that a reader has.
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

/// Asks until all have an answer or the time is up; says what is wrong then.
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

/// Where the questions stand.
#[derive(Default)]
struct Round {
    answered: Vec<FilledQuery>,
    /// Those whose part is not here.
    absent: Vec<FilledQuery>,
    open: Vec<FilledQuery>,
    /// What came back for the open ones.
    why: Vec<String>,
}

impl Round {
    /// Asks what is open once more.
    async fn ask(&mut self, parts: &Backends) {
        let now = parts.now().await;
        self.why.clear();
        for question in mem::take(&mut self.open) {
            match ask::ask(parts, &question, now).await {
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

/// Rules that Prometheus cannot evaluate, and alerts that Grafana waits for in vain.
async fn rules(parts: &Backends) -> Vec<String> {
    let url = format!("{}/api/v1/rules", parts.prometheus);
    let answer = parts.get(&url, &[]).await.unwrap();
    let groups = answer["data"]["groups"].as_array().unwrap();
    let rules = || groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    assert!(rules().count() > 10, "rules are loaded: {answer}");
    let broken = rules().filter(|rule| rule["health"] != "ok");
    let mut problems: Vec<_> =
        broken.map(|rule| format!("rule {}: {}", rule["name"], rule["lastError"])).collect();
    // Those of Grafana answer "no" for a name that is not there.
    for name in provisioned::alerts() {
        if !rules().any(|rule| rule["type"] == "alerting" && rule["name"] == name) {
            problems.push(format!(
                "Grafana waits for the alert {name}, which Prometheus does not have"
            ));
        }
    }
    problems
}
