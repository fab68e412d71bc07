//! Lines and dots of a chart, from the series of its metrics.

use contract::signals::{Metric, NO_CONSUMER};

use super::chart::{Chart, ChartData, ChartDot, ChartEntry, ChartLine, TimeWindow};
use super::maths::{largest, observed, quantile, rate, total};
use crate::page::{links, palette};
use crate::store::{SeenExemplar, Series, Store};

/// The chart of this entry in this window.
pub(super) fn chart(entry: &'static ChartEntry, store: &Store, window: TimeWindow) -> Chart {
    let (lines, dots) = match &entry.data {
        ChartData::Rates { metric, label, tone } => {
            (rates(metric, label, &store.series(metric.name), &window, *tone), Vec::new())
        }
        ChartData::Percentiles { metric } => {
            let series = store.series(metric.name);
            (percentiles(metric, &series, &window), dots(&series, &window))
        }
        ChartData::Queues { metric, only_consumed } => {
            let mut series = store.series(metric.name);
            series.retain(|series| !only_consumed || series.label("consumer") != NO_CONSUMER);
            (queues(metric, &series, &window), Vec::new())
        }
        ChartData::Share { part, whole } => {
            let (parts, wholes) = (store.series(part.name), store.series(whole.name));
            (
                shares(&groups(part, "stage", &parts), &groups(whole, "stage", &wholes), &window),
                Vec::new(),
            )
        }
    };
    Chart { entry, window, lines, dots }
}

fn rates(
    metric: &Metric,
    label: &str,
    series: &[Series],
    window: &TimeWindow,
    tone: fn(&str) -> &'static str,
) -> Vec<ChartLine> {
    let line = |(value, group): LabelGroup<'_>| ChartLine {
        name: value.to_owned(),
        class: format!("tone-{}", tone(value)),
        dashed: false,
        values: values(window, |at| rate(&group, at)),
        now: None,
    };
    groups(metric, label, series).into_iter().map(line).collect()
}

fn percentiles(metric: &Metric, series: &[Series], window: &TimeWindow) -> Vec<ChartLine> {
    let lines = |(stage, group): LabelGroup<'_>| {
        let observed: Vec<_> = window.times.iter().map(|at| observed(&group, *at)).collect();
        [("p50", 0.5, true), ("p95", 0.95, false)].map(|(name, share, dashed)| ChartLine {
            name: format!("{stage} {name}"),
            class: palette::class(stage, &[]),
            dashed,
            values: observed
                .iter()
                .map(|at| at.as_ref().and_then(|(bounds, seen)| quantile(share, bounds, seen)))
                .collect(),
            now: None,
        })
    };
    groups(metric, "stage", series).into_iter().flat_map(lines).collect()
}

fn queues(metric: &Metric, series: &[Series], window: &TimeWindow) -> Vec<ChartLine> {
    let line = |(stream, group): LabelGroup<'_>| ChartLine {
        name: stream.to_owned(),
        class: stream_class(&group),
        dashed: false,
        // Every replica of the gateway reports the same queue.
        values: values(window, |at| largest(&group, at)),
        now: None,
    };
    groups(metric, "stream", series).into_iter().map(line).collect()
}

fn shares(
    parts: &[LabelGroup<'_>],
    wholes: &[LabelGroup<'_>],
    window: &TimeWindow,
) -> Vec<ChartLine> {
    let line = |(stage, part): &LabelGroup<'_>| {
        let whole = &wholes.iter().find(|(name, _)| name == stage)?.1;
        let share =
            |at| Some(total(part, at)? / total(whole, at).filter(|all| *all > 0.0)? * 100.0);
        let now = total(part, window.until).zip(total(whole, window.until));
        Some(ChartLine {
            name: (*stage).to_owned(),
            class: palette::class(stage, &[]),
            dashed: false,
            values: values(window, share),
            now: now.map(|(busy, all)| format!("{busy} of {all}")),
        })
    };
    parts.iter().filter_map(line).collect()
}

fn dots(series: &[Series], window: &TimeWindow) -> Vec<ChartDot> {
    let of_series = |series: &Series| {
        let stage = series.label("stage").to_owned();
        let verdict = series.label("verdict").to_owned();
        let class = palette::class(&stage, &[]);
        let name = format!("{stage} {verdict}").trim_end().to_owned();
        let recent = series.exemplars.iter().filter(|exemplar| exemplar.seen >= window.from);
        let dot = |exemplar: &SeenExemplar| {
            let trace = exemplar.trace;
            ChartDot {
                seen: exemplar.seen,
                value: exemplar.value,
                name: name.clone(),
                class: class.clone(),
                href: exemplar
                    .span
                    .map_or_else(|| links::trace(trace), |span| links::span(trace, span)),
                trace,
            }
        };
        recent.map(dot).collect::<Vec<_>>()
    };
    series.iter().flat_map(of_series).collect()
}

/// A value of a label, and the series that have it.
type LabelGroup<'a> = (&'static str, Vec<&'a Series>);

/// The series by the value of a label, in the order of the metric's declaration; undeclared values are omitted.
fn groups<'a>(metric: &Metric, label: &str, series: &'a [Series]) -> Vec<LabelGroup<'a>> {
    let declared = metric.labels.iter().find(|declared| declared.name == label);
    let values = declared.map_or(&[][..], |declared| declared.values).iter().copied();
    let group = |value| series.iter().filter(|series| series.label(label) == value).collect();
    let groups = values.map(|value| (value, group(value)));
    groups.filter(|(_, group): &LabelGroup<'_>| !group.is_empty()).collect()
}

/// A stream has the colour of the stage that consumes it.
fn stream_class(group: &[&Series]) -> String {
    match group.first().map(|series| series.label("consumer")) {
        Some(stage) if stage != NO_CONSUMER => palette::class(stage, &[]),
        _ => "tone-bad".to_owned(),
    }
}

fn values(window: &TimeWindow, value: impl Fn(u64) -> Option<f64>) -> Vec<Option<f64>> {
    window.times.iter().map(|at| value(*at)).collect()
}
