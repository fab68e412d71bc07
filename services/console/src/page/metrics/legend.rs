//! What the lines are, with their latest values, and the slowest exemplars in words.

use maud::{Markup, html};

use super::chart::{Chart, Exemplar, Line};

/// Exemplars in the list below a chart.
const SLOWEST: usize = 5;

/// Name and latest value of every line. Lines that were zero all the time stand together at the end.
pub(super) fn legend(chart: &Chart) -> Markup {
    let (quiet, moving): (Vec<&Line>, Vec<&Line>) =
        chart.lines.iter().partition(|line| line.is_quiet());
    let quiet: Vec<&str> = quiet.iter().map(|line| line.name.as_str()).collect();
    html! {
        ul.legend {
            @for line in moving {
                li { i.key.(line.class).dashed[line.dashed] {} (line.name) " " b { (latest(chart, line)) } }
            }
            @if !quiet.is_empty() && chart.has_data() { li { "0: " (quiet.join(", ")) } }
        }
    }
}

fn latest(chart: &Chart, line: &Line) -> String {
    let value = || line.values.last().copied().flatten().map(|value| chart.unit.shown(value));
    line.now.clone().or_else(value).unwrap_or_else(|| "–".to_owned())
}

/// The slowest exemplars as a list: for keyboards, small screens and those who do not see the dots.
pub(super) fn slowest(chart: &Chart) -> Markup {
    let mut dots: Vec<&Exemplar> = chart.dots.iter().collect();
    dots.sort_by(|one, other| other.value.total_cmp(&one.value));
    dots.dedup_by_key(|dot| dot.trace);
    html! {
        @if !dots.is_empty() {
            details.slowest id=(format!("slowest-{}", chart.id)) {
                summary { "The slowest exemplars" }
                ol {
                    @for dot in dots.into_iter().take(SLOWEST) {
                        li {
                            i.key.(dot.class) {}
                            a href=(dot.href) { (chart.unit.shown(dot.value)) " " (dot.name) }
                            " " span.muted { (ago(chart, dot)) }
                        }
                    }
                }
            }
        }
    }
}

fn ago(chart: &Chart, dot: &Exemplar) -> String {
    let seconds = chart.frame.until.saturating_sub(dot.seen) / 1_000;
    if seconds < 120 { format!("{seconds} s ago") } else { format!("{} min ago", seconds / 60) }
}
