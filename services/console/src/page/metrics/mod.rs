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
use crate::start::Shared;

/// `GET /metrics`. Programs find OpenMetrics at the same path of each part's admin port.
pub(super) async fn page(State(shared): State<Shared>) -> Html<String> {
    let page = |shared: &Shared| {
        let body = html! {
            h1 { "Metrics" }
            (live("/parts/metrics", &content(shared)))
        };
        frame::page("Metrics", &body)
    };
    shared.make(page).await
}

/// `GET /parts/metrics`: what of it changes.
pub(super) async fn part(State(shared): State<Shared>) -> Html<String> {
    Html(shared.make(|shared| content(shared).into_string()).await)
}

fn content(shared: &Shared) -> Markup {
    let charts = charts::all(&shared.store);
    html! {
        (targets::targets(&shared.scraped.all(), charts.iter().any(Chart::has_data)))
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
