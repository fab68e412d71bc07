//! The values of the variables of a dashboard: all values of a list, and each of them.

use contract::api::JobAccepted;
use serde_json::Value;

use super::{
    interpolate::{Chosen, Values},
    query::FilledQuery,
    read::{Dashboard, PanelQuery, text},
};
use crate::backends::Backends;

/// Values for all variables of a dashboard.
pub(super) struct Choice {
    values: Values,
    /// Printed beside the name of a query; `None` for the defaults.
    said: Option<String>,
    /// The variable that differs from the defaults.
    varied: Option<String>,
    seconds: u32,
}

/// The choices of a dashboard: the defaults, then each variable changed alone.
pub(super) async fn of(dashboard: &Dashboard, parts: &Backends, job: &JobAccepted) -> Vec<Choice> {
    let seconds = seconds_shown(&dashboard.json);
    let mut values = Values::of_time(seconds);
    let mut varied = Vec::new();
    for variable in dashboard.json["templating"]["list"].as_array().unwrap() {
        let name = text(variable, "name");
        match (text(variable, "type"), name) {
            ("query", _) => {
                let options = options(variable, parts).await;
                values.set(name, opening(variable, &options));
                varied.extend(options.iter().map(|one| (name, vec![one.clone()])));
                varied.push((name, options));
            }
            ("textbox", "trace_id") => values.set(name, Chosen::Plain(job.trace_id.clone())),
            ("textbox", "job_id") => values.set(name, Chosen::Plain(job.id.to_string())),
            (other, _) => panic!("{}: no value for ${name}, a {other}", dashboard.uid),
        }
    }
    let opens = Choice { values: values.clone(), said: None, varied: None, seconds };
    let others = varied.into_iter().map(|(name, chosen)| {
        let mut values = values.clone();
        let said = Some(format!("{name}={}", chosen.join("+")));
        values.set(name, Chosen::OneOf(chosen));
        Choice { values, said, varied: Some(name.to_owned()), seconds }
    });
    std::iter::once(opens).chain(others).collect()
}

impl Choice {
    /// The query with these values; `None` if it is the same as with the defaults.
    pub(super) fn fill(&self, question: &PanelQuery) -> Option<FilledQuery> {
        if let Some(name) = &self.varied
            && !question.query.contains(&format!("${name}"))
            && !question.query.contains(&format!("${{{name}"))
        {
            return None;
        }
        let query = self.values.fill(&question.query);
        let query = query.unwrap_or_else(|error| panic!("{}: {error}", question.at));
        let (at, said) = (question.at.clone(), self.said.clone());
        Some(FilledQuery { at, said, form: question.form, query, seconds: self.seconds })
    }
}

/// The values of `label_values(METRIC, LABEL)`; there must be at least one.
async fn options(variable: &Value, parts: &Backends) -> Vec<String> {
    let query = text(&variable["query"], "query");
    let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
    let (metric, label) = inner.and_then(|inner| inner.rsplit_once(", ")).expect("label_values");
    let url = format!("{}/api/v1/label/{label}/values", parts.prometheus);
    let answer = testkit::eventually(super::WARM_UP_LIMIT, query, async || {
        let answer = parts.get(&url, &[("match[]", metric)]).await?;
        crate::backends::some(&answer["data"]).map(|()| answer)
    });
    let answer = answer.await;
    answer["data"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// The default value.
fn opening(variable: &Value, options: &[String]) -> Chosen {
    let is_all = variable["current"]["value"] == serde_json::json!(["$__all"]);
    match variable["allValue"].as_str() {
        _ if !is_all => panic!("{variable} opens with another choice than all"),
        Some(all) => Chosen::Plain(all.to_owned()),
        None => Chosen::OneOf(options.to_vec()),
    }
}

/// Time range of a dashboard, in seconds.
fn seconds_shown(json: &Value) -> u32 {
    let from = text(&json["time"], "from");
    assert_eq!(json["time"]["to"], "now");
    let length = from.strip_prefix("now-").unwrap_or_else(|| panic!("{from} is not before now"));
    let (number, unit) = length.split_at(length.len() - 1);
    let unit = match unit {
        "m" => 60,
        "h" => 3_600,
        _ => panic!("{from} is in no known unit"),
    };
    number.parse::<u32>().unwrap() * unit
}
