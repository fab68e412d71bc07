//! The lines with their latest values, and the slowest exemplars as text.

use maud::{Markup, html};

use super::chart::{Chart, ChartDot, ChartLine};

/// Exemplars in the list below a chart.
const SLOWEST: usize = 5;

/// Name and latest value of every line; lines that are zero are together at the end.
pub(super) fn legend(chart: &Chart) -> Markup {
    let (zero, nonzero): (Vec<&ChartLine>, Vec<&ChartLine>) =
        chart.lines.iter().partition(|line| line.is_zero());
    let zero: Vec<&str> = zero.iter().map(|line| line.name.as_str()).collect();
    html! {
        ul.legend {
            @for line in nonzero {
                li { i.key.(line.class).dashed[line.dashed] {} (line.name) " " b { (latest(chart, line)) } }
            }
            @if !zero.is_empty() && chart.has_data() { li { "0: " (zero.join(", ")) } }
        }
    }
}

fn latest(chart: &Chart, line: &ChartLine) -> String {
    let value =
        || line.values.last().copied().flatten().map(|value| chart.entry.unit.format(value));
    line.now.clone().or_else(value).unwrap_or_else(|| "–".to_owned())
}

/// The slowest exemplars as a list, for keyboards, small screens and screen readers.
pub(super) fn slowest(chart: &Chart) -> Markup {
    let mut dots: Vec<&ChartDot> = chart.dots.iter().collect();
    dots.sort_by(|one, other| other.value.total_cmp(&one.value));
    dots.dedup_by_key(|dot| dot.trace);
    html! {
        @if !dots.is_empty() {
            details.slowest id=(format!("slowest-{}", chart.entry.id)) {
                summary { "The slowest exemplars" }
                ol {
                    @for dot in dots.into_iter().take(SLOWEST) {
                        li {
                            i.key.(dot.class) {}
                            a href=(dot.href) { (chart.entry.unit.format(dot.value)) " " (dot.name) }
                            " " span.muted { (ago(chart, dot)) }
                        }
                    }
                }
            }
        }
    }
}

fn ago(chart: &Chart, dot: &ChartDot) -> String {
    let seconds = chart.window.until.saturating_sub(dot.seen) / 1_000;
    if seconds < 120 { format!("{seconds} s ago") } else { format!("{} min ago", seconds / 60) }
}
