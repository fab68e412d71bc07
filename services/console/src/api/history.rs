//! The last ten minutes of metric series, and the health of scrape targets.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::query::{BadQuery, QueryParameters};
use crate::scrape::TargetHealth;
use crate::state::ConsoleState;
use crate::store::attribute::number;
use crate::store::{SeenExemplar, Series, SeriesValue, ValueRun};

/// `GET /api/metrics/history?name=`: runs of equal values, oldest first, with the exemplars of that time.
/// `name` is the full name of a metric; ages are in seconds.
pub(super) async fn history(
    State(state): State<ConsoleState>,
    mut parameters: QueryParameters,
) -> Result<Json<Value>, BadQuery> {
    let name = parameters.text("name")?;
    let service = parameters.text("service")?;
    parameters.end()?;
    let name = name.ok_or_else(|| BadQuery::missing("name", "the full name of a metric"))?;
    let render = move |state: &ConsoleState| {
        let now = state.store.now();
        let series = state.store.series(&name);
        let wanted = series
            .iter()
            .filter(|series| service.as_ref().is_none_or(|service| *service == series.service));
        json!({"series": wanted.map(|series| shown(series, now)).collect::<Vec<_>>()})
    };
    Ok(Json(state.render(render).await))
}

/// `GET /api/metrics/targets`: the targets that the console scrapes.
pub(super) async fn targets(State(state): State<ConsoleState>) -> Json<Value> {
    let targets = state.scrape_states.all();
    let target = targets.iter().map(|state| {
        let (up, why) = match &state.health {
            TargetHealth::Up(_) => (Some(true), None),
            TargetHealth::Awaited => (None, None),
            TargetHealth::Down(why) => (Some(false), Some(why)),
        };
        let since = state.since.elapsed().as_secs_f64();
        json!({"name": state.target.name, "url": state.target.url.as_str(), "up": up, "why": why, "for_seconds": since})
    });
    Json(json!({"targets": target.collect::<Vec<_>>()}))
}

fn shown(series: &Series, now: u64) -> Value {
    let labels: serde_json::Map<_, _> =
        series.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let age = |at: u64| now.saturating_sub(at) as f64 / 1e3;
    let run = |run: &ValueRun| {
        let (from, until) = (age(run.from), age(run.until));
        match &run.value {
            SeriesValue::Number(number) => {
                json!({"from_age": from, "until_age": until, "value": number})
            }
            SeriesValue::Distribution(all) => json!({
                "from_age": from, "until_age": until,
                "count": all.count, "sum": number(all.sum), "buckets": all.buckets,
            }),
        }
    };
    let exemplar = |seen: &SeenExemplar| json!({"age": age(seen.seen), "trace_id": seen.trace, "span_id": seen.span, "value": seen.value});
    json!({
        "service": series.service,
        "instance": series.instance,
        "name": series.name,
        "labels": labels,
        "bounds": series.bounds.iter().copied().map(number).collect::<Vec<_>>(),
        "runs": series.runs.iter().map(run).collect::<Vec<_>>(),
        "exemplars": series.exemplars.iter().map(exemplar).collect::<Vec<_>>(),
    })
}
