//! The lab's metrics of the last minutes: a few charts, and dots that lead from a number to a trace.

mod chart;
mod charts;
mod legend;
mod maths;
mod scale;
mod svg;
mod targets;

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};

use self::chart::Chart;
use super::frame::{self, live};
use crate::state::ConsoleState;

/// `GET /metrics`. Programs find OpenMetrics at the same path of each part's admin port.
pub(super) async fn page(State(state): State<ConsoleState>) -> Html<String> {
    let page = |state: &ConsoleState| {
        let body = html! {
            h1 { "Metrics" }
            (live("/parts/metrics", &content(state)))
        };
        frame::page("Metrics", &body)
    };
    state.render(page).await
}

/// `GET /parts/metrics`: what of it changes.
pub(super) async fn part(State(state): State<ConsoleState>) -> Html<String> {
    Html(state.render(|state| content(state).into_string()).await)
}

fn content(state: &ConsoleState) -> Markup {
    let charts = charts::all(&state.store);
    html! {
        (targets::targets(&state.scraped.all(), charts.iter().any(Chart::has_data)))
        div.charts { @for chart in &charts { (figure(chart)) } }
    }
}

fn figure(chart: &Chart) -> Markup {
    let heading = format!("chart-{}", chart.id);
    html! {
        figure.chart aria-labelledby=(heading) {
            figcaption {
                h2 id=(heading) { (chart.title) " " span.unit { (chart.unit.words()) } }
                p { (chart.look_for) }
            }
            (svg::svg(chart))
            (legend::legend(chart))
            (legend::slowest(chart))
        }
    }
}
