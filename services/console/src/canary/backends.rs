//! Looks in Tempo, Loki and Prometheus, by the same addresses that Grafana asks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract::signals::{CANARY_DURATION, METRICS, Metric, MetricKind};
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message as _;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::completeness::is_complete;
use super::job::at;
use crate::fetch::{Fetcher, NoAnswer};
use crate::store::TraceId;

/// Largest answer of a backend; exemplars of a busy minute are the most.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Newer exemplars that are followed at each look.
const TRIES: usize = 2;

/// Traces are requested in protobuf, as services send them.
const PROTOBUF: &str = "application/protobuf";

const JSON: &str = "application/json";

/// Whether Tempo has the whole trace.
pub(super) async fn trace(fetcher: &Fetcher, tempo: &Url, id: TraceId) -> Result<(), String> {
    match fetch_trace(fetcher, tempo, id).await? {
        Some(trace) => is_complete(&trace),
        None => Err("Tempo has no span of the trace".to_owned()),
    }
}

/// The trace, if Tempo has it.
pub(super) async fn fetch_trace(
    fetcher: &Fetcher,
    tempo: &Url,
    id: TraceId,
) -> Result<Option<TracesData>, String> {
    let url = at(tempo, &format!("api/traces/{id}"));
    match fetcher.get(url, PROTOBUF, ANSWER_BYTES_MAX).await {
        Ok(answer) => match TracesData::decode(answer.body) {
            Ok(trace) => Ok(Some(trace).filter(|trace| !trace.resource_spans.is_empty())),
            Err(_) => Err("the response of Tempo is not a trace".to_owned()),
        },
        Err(NoAnswer::Status(404)) => Ok(None),
        Err(error) => Err(format!("Tempo {error}")),
    }
}

/// Whether Loki has a line of the trace.
pub(super) async fn log(fetcher: &Fetcher, loki: &Url, id: TraceId) -> Result<(), String> {
    let mut url = at(loki, "loki/api/v1/query_range");
    let query = format!("{{service_name=~\".+\"}} | trace_id=\"{id}\"");
    url.query_pairs_mut().extend_pairs([("query", &*query), ("limit", "1"), ("since", "10m")]);
    let answer = json(fetcher, url, "Loki").await?;
    match answer.pointer("/data/result").and_then(Value::as_array) {
        Some(streams) if !streams.is_empty() => Ok(()),
        Some(_) => Err("Loki has no log line with the trace id".to_owned()),
        None => Err("the response of Loki is not a query result".to_owned()),
    }
}

/// The exemplars that Prometheus has of the time since `ended`.
#[derive(Debug, Default)]
pub(super) struct Exemplars {
    /// Whether one is of the canary itself.
    pub(super) own: bool,
    /// The traces of those that were made later, newest first.
    pub(super) newer: Vec<TraceId>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    exemplars: Vec<Exemplar>,
}

#[derive(Deserialize)]
struct Exemplar {
    labels: Labels,
    timestamp: f64,
}

#[derive(Deserialize)]
struct Labels {
    #[serde(default)]
    trace_id: String,
}

/// Asks for the exemplars of every histogram of the services, from a minute before `ended` on.
pub(super) async fn exemplars(
    fetcher: &Fetcher,
    prometheus: &Url,
    id: TraceId,
    ended: SystemTime,
) -> Result<Exemplars, String> {
    let ended = ended.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64();
    let (start, end) = (format!("{:.3}", ended - 60.0), format!("{:.3}", ended + 600.0));
    let mut url = at(prometheus, "api/v1/query_exemplars");
    url.query_pairs_mut().extend_pairs([("query", &*query()), ("start", &start), ("end", &end)]);
    let answer = fetcher.get(url, JSON, ANSWER_BYTES_MAX).await;
    let answer = answer.map_err(|error| format!("Prometheus {error}"))?;
    let answer: Answer = serde_json::from_slice(&answer.body)
        .map_err(|_| "the response of Prometheus is not a list of exemplars".to_owned())?;
    let mut all: Vec<_> = answer.data.into_iter().flat_map(|series| series.exemplars).collect();
    all.sort_by(|one, other| other.timestamp.total_cmp(&one.timestamp));
    let trace = |exemplar: &Exemplar| exemplar.labels.trace_id.parse::<TraceId>().ok();
    Ok(Exemplars {
        own: all.iter().any(|exemplar| trace(exemplar) == Some(id)),
        newer: all
            .iter()
            .take_while(|exemplar| exemplar.timestamp >= ended)
            .filter_map(trace)
            .take(TRIES)
            .collect(),
    })
}

/// Every histogram of the services; the console's own says nothing about the way of theirs.
pub(super) fn histograms() -> impl Iterator<Item = &'static Metric> {
    let of_services =
        |metric: &&Metric| metric.kind == MetricKind::Histogram && **metric != CANARY_DURATION;
    METRICS.iter().copied().filter(of_services)
}

fn query() -> String {
    let names: Vec<_> = histograms().map(|metric| format!("{}_bucket", metric.name)).collect();
    format!("{{__name__=~\"{}\"}}", names.join("|"))
}

async fn json(fetcher: &Fetcher, url: Url, who: &str) -> Result<Value, String> {
    let answer = fetcher.get(url, JSON, ANSWER_BYTES_MAX).await;
    let answer = answer.map_err(|error| format!("{who} {error}"))?;
    serde_json::from_slice(&answer.body).map_err(|_| format!("the response of {who} is not JSON"))
}
