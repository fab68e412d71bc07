//! Draws a chart. Lines stretch with the page; dots and words keep their size.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use maud::{Markup, html};

use super::chart::{Chart, Exemplar, Frame, Line};
use super::scale::Scale;

/// Units of the stretched drawing, across and down.
const SIZE: f64 = 1_000.0;

/// Dots of one chart: of each slot of time the slowest of each line stays.
const SLOTS: u64 = 20;
const DOTS_MAX: usize = 60;

/// The drawing.
pub(super) fn svg(chart: &Chart) -> Markup {
    let scale = Scale::of(chart);
    let ticks = scale.ticks();
    html! {
        div.plot {
            @for tick in &ticks {
                span.tick.(place(scale.share(*tick))) { (chart.unit.shown(*tick)) }
            }
            svg.drawing role="group" aria-label=(format!("{}, {}", chart.title, ages(&chart.frame))) {
                svg viewBox={ "0 0 " (SIZE) " " (SIZE) } preserveAspectRatio="none" width="100%" height="100%" aria-hidden="true" {
                    @for tick in &ticks {
                        @let y = down(scale.share(*tick));
                        line.grid x1="0" x2=(SIZE) y1=(y) y2=(y) {}
                    }
                    @for line in &chart.lines { (drawn(line, &chart.frame, scale)) }
                }
                @for dot in thinned(chart) { (mark(dot, chart, scale)) }
            }
            @if !chart.has_data() { span.nothing { "No data yet" } }
            span.from { "−" (chart.frame.minutes()) " min" }
            span.now { "now" }
        }
    }
}

/// Styles are not inline: the places of labels are classes, in twentieths from the bottom.
fn place(share: f64) -> String {
    format!("up-{:.0}", (share * 20.0).round())
}

fn drawn(line: &Line, frame: &Frame, scale: Scale) -> Markup {
    let class = if line.is_quiet() { "tone-plain" } else { &line.class };
    html! {
        @for path in paths(line, frame, scale) {
            path.(class).dashed[line.dashed] d=(path) { title { (line.name) } }
        }
    }
}

/// One path for each stretch without a gap; a value alone is a short line.
fn paths(line: &Line, frame: &Frame, scale: Scale) -> Vec<String> {
    let mut paths = Vec::new();
    let mut path = String::new();
    for (at, value) in frame.times.iter().zip(&line.values) {
        match value {
            Some(value) => {
                let (x, y) = (across(*at, frame) * SIZE, down(scale.share(*value)));
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

fn mark(dot: &Exemplar, chart: &Chart, scale: Scale) -> Markup {
    let (x, y) = (across(dot.seen, &chart.frame) * 100.0, 100.0 - scale.share(dot.value) * 100.0);
    let says = format!("{} {}, open its trace", dot.name, chart.unit.shown(dot.value));
    html! {
        a.dot.(dot.class) href=(dot.href) aria-label=(says) {
            circle cx=(format!("{x:.1}%")) cy=(format!("{y:.1}%")) r="5" { title { (says) } }
        }
    }
}

/// The dots that are drawn: too many hide each other, and each is a stop for the keyboard.
fn thinned(chart: &Chart) -> Vec<&Exemplar> {
    let mut slowest: BTreeMap<(u64, &str), &Exemplar> = BTreeMap::new();
    let slot = ((chart.frame.until - chart.frame.from) / SLOTS).max(1);
    for dot in &chart.dots {
        let place = slowest.entry((dot.seen / slot, &dot.class)).or_insert(dot);
        if dot.value > place.value {
            *place = dot;
        }
    }
    let skipped = slowest.len().saturating_sub(DOTS_MAX);
    slowest.into_values().skip(skipped).collect()
}

fn across(at: u64, frame: &Frame) -> f64 {
    at.saturating_sub(frame.from) as f64 / (frame.until - frame.from).max(1) as f64
}

fn down(share: f64) -> f64 {
    (1.0 - share) * SIZE
}

fn ages(frame: &Frame) -> String {
    format!("the last {} minutes", frame.minutes())
}
