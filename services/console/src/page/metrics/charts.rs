//! The charts of the page, each from the metrics it draws.

use contract::signals::{
    ATTEMPTS, IN_FLIGHT, JOBS_FINISHED, Metric, NO_CONSUMER, QUEUE_DEPTH, QUEUE_OLDEST_AGE,
    QUEUE_WAIT, SLOTS, STAGE_DURATION, TELEMETRY_DROPPED,
};

use super::chart::{Chart, Exemplar, Frame, Line, Unit};
use super::maths::{largest, observed, quantile, rate, total};
use crate::page::{jobs, palette};
use crate::store::{Series, Store};

/// All charts, in the order of the page.
pub(super) fn all(store: &Store) -> Vec<Chart> {
    let now = store.now();
    let frame = Frame::until(now);
    vec![
        finished(store, &frame),
        attempts(store, &frame),
        queue_wait(store, &frame),
        stage_duration(store, &frame),
        depth(store, &frame),
        oldest(store, &frame),
        slots(store, &frame),
        dropped(store, &frame),
    ]
}

fn finished(store: &Store, frame: &Frame) -> Chart {
    let class = |outcome: &str| match outcome {
        "succeeded" => "good",
        "failed" => "warn",
        "dead" => "bad",
        _ => "violet",
    };
    Chart {
        id: "finished",
        title: "Jobs finished",
        look_for: "All green is good. Failed jobs had an operation that failed for good; dead ones have a dead letter to redrive or delete.",
        unit: Unit::PerSecond,
        frame: frame.clone(),
        lines: rates(store, &JOBS_FINISHED, "outcome", frame, class),
        dots: Vec::new(),
    }
}

fn attempts(store: &Store, frame: &Frame) -> Chart {
    let class = |verdict: &str| match verdict {
        "done" => "good",
        "retry" => "warn",
        "reject" | "dead" => "bad",
        "lost" => "lost",
        "fenced" => "violet",
        _ => "plain",
    };
    Chart {
        id: "attempts",
        title: "Attempts by verdict",
        look_for: "Everything but done is a problem: retry is a failed attempt, lost is a run whose worker was lost.",
        unit: Unit::PerSecond,
        frame: frame.clone(),
        lines: rates(store, &ATTEMPTS, "verdict", frame, class),
        dots: Vec::new(),
    }
}

fn queue_wait(store: &Store, frame: &Frame) -> Chart {
    let series = store.series(QUEUE_WAIT.name);
    Chart {
        id: "queue-wait",
        title: "Queue wait, p50 and p95",
        look_for: "A queue wait that grows while attempts do not take longer: too few slots, or a worker that hangs. Each dot links to a trace.",
        unit: Unit::Duration,
        frame: frame.clone(),
        lines: percentiles(&QUEUE_WAIT, &series, frame),
        dots: dots(&series, frame),
    }
}

fn stage_duration(store: &Store, frame: &Frame) -> Chart {
    let series = store.series(STAGE_DURATION.name);
    Chart {
        id: "stage-duration",
        title: "Attempt duration, p50 and p95",
        look_for: "A stage that gets slower, or dots far above its line: open one to see which span took the time.",
        unit: Unit::Duration,
        frame: frame.clone(),
        lines: percentiles(&STAGE_DURATION, &series, frame),
        dots: dots(&series, frame),
    }
}

fn depth(store: &Store, frame: &Frame) -> Chart {
    let series = store.series(QUEUE_DEPTH.name);
    let line = |(stream, group): (&str, Vec<&Series>)| {
        // Every replica of the gateway reports the same queue.
        let values = values(frame, |at| largest(&group, at));
        Line {
            name: stream.to_owned(),
            class: stream_class(&group),
            dashed: false,
            values,
            now: None,
        }
    };
    Chart {
        id: "depth",
        title: "Queue depth",
        look_for: "Near zero while stages keep up. A rising line shows a stage that does not; DEAD holds dead letters until you redrive or delete them.",
        unit: Unit::Messages,
        frame: frame.clone(),
        lines: groups(&QUEUE_DEPTH, "stream", &series).into_iter().map(line).collect(),
        dots: Vec::new(),
    }
}

fn oldest(store: &Store, frame: &Frame) -> Chart {
    let mut series = store.series(QUEUE_OLDEST_AGE.name);
    series.retain(|series| series.label("consumer") != NO_CONSUMER);
    let line = |(stream, group): (&str, Vec<&Series>)| {
        let values = values(frame, |at| largest(&group, at));
        Line {
            name: stream.to_owned(),
            class: stream_class(&group),
            dashed: false,
            values,
            now: None,
        }
    };
    Chart {
        id: "oldest",
        title: "Age of the oldest message",
        look_for: "A straight rise: the oldest message is not settled. Its stage is down, or one long job holds it.",
        unit: Unit::Seconds,
        frame: frame.clone(),
        lines: groups(&QUEUE_OLDEST_AGE, "stream", &series).into_iter().map(line).collect(),
        dots: Vec::new(),
    }
}

fn slots(store: &Store, frame: &Frame) -> Chart {
    let (busy, all) = (store.series(IN_FLIGHT.name), store.series(SLOTS.name));
    let all = groups(&SLOTS, "stage", &all);
    let line = |(stage, group): (&str, Vec<&Series>)| {
        let slots = &all.iter().find(|(name, _)| *name == stage)?.1;
        let share =
            |at| Some(total(&group, at)? / total(slots, at).filter(|all| *all > 0.0)? * 100.0);
        let now = total(&group, frame.until).zip(total(slots, frame.until));
        Some(Line {
            name: stage.to_owned(),
            class: palette::class(stage, &[]),
            dashed: false,
            values: values(frame, share),
            now: now.map(|(busy, all)| format!("{busy} of {all}")),
        })
    };
    Chart {
        id: "slots",
        title: "Slots in use",
        look_for: "At 100 % a stage is at its limit and its queue grows: add workers. At 0 % with messages in the queue it does not pull.",
        unit: Unit::Percent,
        frame: frame.clone(),
        lines: groups(&IN_FLIGHT, "stage", &busy).into_iter().filter_map(line).collect(),
        dots: Vec::new(),
    }
}

fn dropped(store: &Store, frame: &Frame) -> Chart {
    let class = |signal: &str| match signal {
        "spans" => "bad",
        "logs" => "warn",
        _ => "violet",
    };
    Chart {
        id: "dropped",
        title: "Telemetry dropped",
        look_for: "Should be zero. Otherwise jobs still run, but traces and logs of that time are incomplete.",
        unit: Unit::PerSecond,
        frame: frame.clone(),
        lines: rates(store, &TELEMETRY_DROPPED, "signal", frame, class),
        dots: Vec::new(),
    }
}

/// A line for each value of a counter's label.
fn rates(
    store: &Store,
    metric: &Metric,
    label: &str,
    frame: &Frame,
    class: impl Fn(&str) -> &'static str,
) -> Vec<Line> {
    let series = store.series(metric.name);
    let line = |(value, group): (&str, Vec<&Series>)| Line {
        name: value.to_owned(),
        class: format!("tone-{}", class(value)),
        dashed: false,
        values: values(frame, |at| rate(&group, at)),
        now: None,
    };
    groups(metric, label, &series).into_iter().map(line).collect()
}

/// Two lines for each stage.
fn percentiles(metric: &Metric, series: &[Series], frame: &Frame) -> Vec<Line> {
    let lines = |(stage, group): (&str, Vec<&Series>)| {
        let seen: Vec<_> = frame.times.iter().map(|at| observed(&group, *at)).collect();
        [("p50", 0.5, true), ("p95", 0.95, false)].map(|(name, share, dashed)| Line {
            name: format!("{stage} {name}"),
            class: palette::class(stage, &[]),
            dashed,
            values: seen
                .iter()
                .map(|seen| seen.as_ref().and_then(|(bounds, seen)| quantile(share, bounds, seen)))
                .collect(),
            now: None,
        })
    };
    groups(metric, "stage", series).into_iter().flat_map(lines).collect()
}

fn dots(series: &[Series], frame: &Frame) -> Vec<Exemplar> {
    let of_series = |series: &Series| {
        let stage = series.label("stage").to_owned();
        let verdict = series.label("verdict").to_owned();
        let class = palette::class(&stage, &[]);
        let name = format!("{stage} {verdict}").trim_end().to_owned();
        let recent = series.exemplars.iter().filter(|dot| dot.seen >= frame.from);
        let dot = |dot: &crate::store::SeenExemplar| {
            let page = jobs::path(dot.trace);
            Exemplar {
                seen: dot.seen,
                value: dot.value,
                name: name.clone(),
                class: class.clone(),
                href: dot.span.map_or(page.clone(), |span| format!("{page}#s-{span}")),
                trace: dot.trace,
            }
        };
        recent.map(dot).collect::<Vec<_>>()
    };
    series.iter().flat_map(of_series).collect()
}

/// The series by the value of a label, in the register's order; values that it does not know are left out.
fn groups<'a>(
    metric: &Metric,
    label: &str,
    series: &'a [Series],
) -> Vec<(&'static str, Vec<&'a Series>)> {
    let known = metric.labels.iter().find(|known| known.name == label);
    let values = known.map_or(&[][..], |known| known.values).iter().copied();
    let group = |value| series.iter().filter(|series| series.label(label) == value).collect();
    let groups = values.map(|value| (value, group(value)));
    groups.filter(|(_, group): &(_, Vec<_>)| !group.is_empty()).collect()
}

/// A stream has the colour of the stage that reads it.
fn stream_class(group: &[&Series]) -> String {
    match group.first().map(|series| series.label("consumer")) {
        Some(stage) if stage != NO_CONSUMER => palette::class(stage, &[]),
        _ => "tone-bad".to_owned(),
    }
}

fn values(frame: &Frame, value: impl Fn(u64) -> Option<f64>) -> Vec<Option<f64>> {
    frame.times.iter().map(|at| value(*at)).collect()
}
