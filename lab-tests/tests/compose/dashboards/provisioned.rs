//! The queries and links of the provisioned data sources and alerts. In their files, each query must be on one line in
//! single quotes, or it would not be found.

use std::fs;

use contract::api::JobAccepted;

use super::{
    interpolate::{Chosen, Values},
    query::FilledQuery,
    read::Form,
};
use crate::broker_with_users::repository;

/// Folders with queries.
const FOLDERS: [&str; 2] = ["grafana/provisioning/datasources", "grafana/provisioning/alerting"];
/// Time range, in seconds.
const SECONDS: u32 = 900;

/// All queries, with the variables of a span of `job`.
pub(super) fn questions(job: &JobAccepted) -> Vec<FilledQuery> {
    let mut asked = Vec::new();
    for (path, line) in lines() {
        let Some(rest) = after_key(&line, &["query", "expr"]) else { continue };
        let quoted = rest.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        let quoted = quoted.unwrap_or_else(|| panic!("{path}: not in single quotes: {line}"));
        // Doubled characters are escapes of YAML or of the environment.
        let query = quoted.replace("''", "'").replace("$$", "$");
        let form = if query.contains("} | ") { Form::Lines } else { Form::Instant };
        let mut values = Values::default();
        let label = if form == Form::Lines { "service_name" } else { "service" };
        values.set("__tags", Chosen::Plain(format!("{label}=\"processor\"")));
        values.set("__trace.traceId", Chosen::Plain(job.trace_id.clone()));
        let query = values.fill(&query).unwrap_or_else(|error| panic!("{path}: {error}"));
        asked.push(FilledQuery { at: path, said: None, form, query, seconds: SECONDS });
    }
    assert!(asked.len() > 5, "only {} provisioned queries were read", asked.len());
    asked
}

/// Links of alerts to dashboards.
pub(super) fn links() -> Vec<(String, String)> {
    let named = |(path, line): (String, String)| {
        let (_, rest) = line.split_once("dashboard: /d/")?;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '-').unwrap_or(rest.len());
        Some((path, format!("/d/{}", &rest[..end])))
    };
    let links: Vec<_> = lines().into_iter().filter_map(named).collect();
    assert!(!links.is_empty(), "alerts name dashboards");
    links
}

/// The alerts of Prometheus that Grafana forwards.
pub(super) fn alerts() -> Vec<String> {
    let mut named = Vec::new();
    for (_, line) in lines() {
        for operator in ["alertname=\"", "alertname!~\""] {
            let Some((_, rest)) = line.split_once(operator) else { continue };
            named.extend(rest.split('"').next().unwrap().split('|').map(str::to_owned));
        }
    }
    assert!(named.len() > 5, "only {named:?} were read");
    named
}

/// The value of one of these keys.
fn after_key<'a>(line: &'a str, keys: &[&str]) -> Option<&'a str> {
    let (key, rest) = line.trim_start_matches([' ', '-']).split_once(": ")?;
    keys.contains(&key).then(|| rest.trim())
}

fn lines() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for folder in FOLDERS {
        for file in fs::read_dir(repository().join(folder)).unwrap() {
            let file = file.unwrap();
            let path = format!("{folder}/{}", file.file_name().to_string_lossy());
            let text = fs::read_to_string(file.path()).unwrap();
            lines.extend(text.lines().map(|line| (path.clone(), line.to_owned())));
        }
    }
    lines
}
