//! Sends a query to its backend as Grafana does.

use std::fmt;

use serde_json::Value;

use super::read::Form;
use crate::backends::Backends;

/// A query with its variables interpolated.
#[derive(Debug, Clone)]
pub(super) struct FilledQuery {
    /// Dashboard, panel and letter, or the provisioned file.
    pub(super) at: String,
    /// The values of the variables, unless they are the defaults of the dashboard.
    pub(super) said: Option<String>,
    pub(super) form: Form,
    pub(super) query: String,
    /// Time range, in seconds.
    pub(super) seconds: u32,
}

impl fmt::Display for FilledQuery {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.said.as_ref().map(|said| format!(" with {said}")).unwrap_or_default();
        write!(out, "{}{said}: {}", self.at, self.query)
    }
}

/// The result of a query.
pub(super) enum Answer {
    /// Data to display.
    Something,
    /// No data, only `NaN`, or an error, as text.
    Nothing(String),
    /// The backend is not in this lab.
    NoResponse,
}

/// Step between two points, in seconds.
const STEP: &str = "5";
/// Tempo's series in Prometheus for Grafana's node graph.
const SERVICE_MAP: &str = "sum by (client, server) (rate(traces_service_graph_request_total[15m]))";

/// Runs the query at `now`, in Unix seconds.
pub(super) async fn ask(parts: &Backends, asked: &FilledQuery, now: i64) -> Answer {
    let of_tempo = matches!(asked.form, Form::Search | Form::Waterfall | Form::ServiceMap);
    let (no_tempo, no_loki) = (parts.tempo.is_none(), parts.loki.is_none());
    if of_tempo && no_tempo || asked.form == Form::Lines && no_loki {
        return Answer::NoResponse;
    }
    match answer(parts, asked, now).await {
        Err(why) => Answer::Nothing(why),
        Ok(true) => Answer::Something,
        Ok(false) if made_by_tempo(asked) && no_tempo => Answer::NoResponse,
        Ok(false) if asked.query.contains("loki_") && no_loki => Answer::NoResponse,
        Ok(false) => Answer::Nothing("empty".to_owned()),
    }
}

/// Whether the series of the query come from Tempo.
fn made_by_tempo(asked: &FilledQuery) -> bool {
    asked.query.contains("traces_") || asked.query.contains("tempo_")
}

async fn answer(parts: &Backends, asked: &FilledQuery, now: i64) -> Result<bool, String> {
    let (from, to) = ((now - i64::from(asked.seconds)).to_string(), now.to_string());
    let query = asked.query.as_str();
    let tempo = parts.tempo.as_deref().unwrap_or_default();
    let loki = parts.loki.as_deref().unwrap_or_default();
    let (url, arguments) = match asked.form {
        Form::Series => (
            format!("{}/api/v1/query_range", parts.prometheus),
            vec![("query", query), ("start", &from), ("end", &to), ("step", STEP)],
        ),
        Form::Instant => (format!("{}/api/v1/query", parts.prometheus), vec![("query", query)]),
        Form::ServiceMap => {
            (format!("{}/api/v1/query", parts.prometheus), vec![("query", SERVICE_MAP)])
        }
        Form::Exemplars => (
            format!("{}/api/v1/query_exemplars", parts.prometheus),
            vec![("query", query), ("start", &from), ("end", &to)],
        ),
        Form::Lines => (
            format!("{loki}/loki/api/v1/query_range"),
            vec![("query", query), ("start", &from), ("end", &to)],
        ),
        Form::Search => (
            format!("{tempo}/api/search"),
            vec![("q", query), ("start", &from), ("end", &to), ("limit", "20"), ("spss", "50")],
        ),
        Form::Waterfall => (format!("{tempo}/api/v2/traces/{query}"), vec![]),
    };
    let answer = parts.get(&url, &arguments).await?;
    // Prometheus adds warnings to partial or meaningless results.
    match answer["warnings"].as_array() {
        Some(warnings) if !warnings.is_empty() => Err(format!("{warnings:?}")),
        _ => Ok(holds(asked.form, &answer)),
    }
}

/// Whether a response has data that a panel would display.
fn holds(form: Form, answer: &Value) -> bool {
    let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    match form {
        Form::Series | Form::Instant | Form::ServiceMap => {
            list(&answer["data"]["result"]).iter().any(has_a_number)
        }
        Form::Exemplars => list(&answer["data"]).iter().any(|series| {
            list(&series["exemplars"]).iter().any(|one| one["labels"]["trace_id"].is_string())
        }),
        Form::Lines => !list(&answer["data"]["result"]).is_empty(),
        Form::Search => !list(&answer["traces"]).is_empty(),
        Form::Waterfall => !list(&answer["trace"]["resourceSpans"]).is_empty(),
    }
}

/// Division by zero gives `NaN`, which a panel does not display.
fn has_a_number(series: &Value) -> bool {
    let points =
        series["values"].as_array().cloned().unwrap_or_else(|| vec![series["value"].clone()]);
    points.iter().any(|point| point[1].as_str().is_some_and(|value| value != "NaN"))
}
