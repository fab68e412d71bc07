//! Draws a chart. Lines stretch with the page; dots and texts keep their size.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use maud::{Markup, html};

use super::chart::{Chart, ChartDot, ChartLine, TimeWindow};
use super::scale::AxisScale;

/// Units of the stretched drawing, across and down.
const SIZE: f64 = 1_000.0;

/// Dots of one chart: in each of the slots of time, the slowest of each line.
const SLOTS: u64 = 20;
const DOTS_MAX: usize = 60;

/// The drawing.
pub(super) fn svg(chart: &Chart) -> Markup {
    let scale = AxisScale::of(chart);
    let ticks = scale.ticks();
    html! {
        div.plot {
            @for tick in &ticks {
                span.tick.(position_class(scale.share(*tick))) { (chart.entry.unit.format(*tick)) }
            }
            svg.drawing role="group" aria-label=(format!("{}, {}", chart.entry.title, ages(&chart.window))) {
                svg viewBox={ "0 0 " (SIZE) " " (SIZE) } preserveAspectRatio="none" width="100%" height="100%" aria-hidden="true" {
                    @for tick in &ticks {
                        @let y = down(scale.share(*tick));
                        line.grid x1="0" x2=(SIZE) y1=(y) y2=(y) {}
                    }
                    @for line in &chart.lines { (line_paths(line, &chart.window, scale)) }
                }
                @for dot in thinned(chart) { (mark(dot, chart, scale)) }
            }
            @if !chart.has_data() { span.nothing { "No data yet" } }
            span.from { "−" (chart.window.minutes()) " min" }
            span.now { "now" }
        }
    }
}

/// The position of a label as a CSS class, in twentieths from the bottom: a class, because the CSP forbids inline
/// styles.
fn position_class(share: f64) -> String {
    format!("up-{:.0}", (share * 20.0).round())
}

fn line_paths(line: &ChartLine, window: &TimeWindow, scale: AxisScale) -> Markup {
    let class = if line.is_zero() { "tone-plain" } else { &line.class };
    html! {
        @for path in paths(line, window, scale) {
            path.(class).dashed[line.dashed] d=(path) { title { (line.name) } }
        }
    }
}

/// A path for each section without a gap; a single value is a short line.
fn paths(line: &ChartLine, window: &TimeWindow, scale: AxisScale) -> Vec<String> {
    let mut paths = Vec::new();
    let mut path = String::new();
    for (at, value) in window.times.iter().zip(&line.values) {
        match value {
            Some(value) => {
                let (x, y) = (across(*at, window) * SIZE, down(scale.share(*value)));
                let _ = if path.is_empty() {
                    write!(path, "M{x:.1} {y:.1}h1")
                } else {
                    write!(path, "L{x:.1} {y:.1}")
                };
            }
            None => paths.extend((!path.is_empty()).then(|| std::mem::take(&mut path))),
        }
    }
    paths.extend((!path.is_empty()).then_some(path));
    paths
}

fn mark(dot: &ChartDot, chart: &Chart, scale: AxisScale) -> Markup {
    let (x, y) = (across(dot.seen, &chart.window) * 100.0, 100.0 - scale.share(dot.value) * 100.0);
    let label = format!("{} {}, open its trace", dot.name, chart.entry.unit.format(dot.value));
    html! {
        a.dot.(dot.class) href=(dot.href) aria-label=(label) {
            circle cx=(format!("{x:.1}%")) cy=(format!("{y:.1}%")) r="5" { title { (label) } }
        }
    }
}

/// The dots that are drawn: too many would cover each other, and each is in the tab order.
fn thinned(chart: &Chart) -> Vec<&ChartDot> {
    let mut slowest: BTreeMap<(u64, &str), &ChartDot> = BTreeMap::new();
    let slot = ((chart.window.until - chart.window.from) / SLOTS).max(1);
    for dot in &chart.dots {
        let kept = slowest.entry((dot.seen / slot, &dot.class)).or_insert(dot);
        if dot.value > kept.value {
            *kept = dot;
        }
    }
    let skipped = slowest.len().saturating_sub(DOTS_MAX);
    slowest.into_values().skip(skipped).collect()
}

fn across(at: u64, window: &TimeWindow) -> f64 {
    at.saturating_sub(window.from) as f64 / (window.until - window.from).max(1) as f64
}

fn down(share: f64) -> f64 {
    (1.0 - share) * SIZE
}

fn ages(window: &TimeWindow) -> String {
    format!("the last {} minutes", window.minutes())
}
