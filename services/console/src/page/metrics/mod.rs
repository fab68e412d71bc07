//! The lab's metrics of the last minutes: a few charts, with exemplars that link to traces.

mod chart;
mod charts;
mod legend;
mod lines;
mod maths;
mod scale;
mod svg;
mod targets;
mod unit;

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};

use self::chart::Chart;
use super::frame::{WebPage, live};
use crate::state::ConsoleState;

/// `GET /metrics`: charts. OpenMetrics is at the same path of each part's admin port.
pub(super) async fn page(State(state): State<ConsoleState>) -> WebPage {
    let page = |state: &ConsoleState| {
        WebPage::new(html! {
            h1 { "Metrics" }
            (live("/parts/metrics", &content(state)))
        })
    };
    state.render(page).await
}

/// `GET /parts/metrics`: only the part that refreshes itself.
pub(super) async fn part(State(state): State<ConsoleState>) -> Html<String> {
    Html(state.render(|state| content(state).into_string()).await)
}

fn content(state: &ConsoleState) -> Markup {
    let charts = charts::all(&state.store);
    html! {
        (targets::targets(&state.scrape_states.all(), charts.iter().any(Chart::has_data)))
        div.charts { @for chart in &charts { (figure(chart)) } }
    }
}

fn figure(chart: &Chart) -> Markup {
    let heading = format!("chart-{}", chart.entry.id);
    html! {
        figure.chart aria-labelledby=(heading) {
            figcaption {
                h2 id=(heading) { (chart.entry.title) " " span.unit { (chart.entry.unit.name()) } }
                p { (chart.entry.look_for) }
            }
            (svg::svg(chart))
            (legend::legend(chart))
            (legend::slowest(chart))
        }
    }
}
