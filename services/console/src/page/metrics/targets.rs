//! The scrape targets, and those that do not respond.

use maud::{Markup, html};

use crate::scrape::{TargetHealth, TargetState};

/// The list above the charts.
pub(super) fn targets(targets: &[TargetState], has_data: bool) -> Markup {
    let down: Vec<_> = targets.iter().filter_map(|state| Some((state, why(state)?))).collect();
    html! {
        @if targets.is_empty() && !has_data {
            p.empty {
                "No metrics yet. Send them by OTLP from a collector, or let the console scrape them: set "
                code { "WAYBILL_SCRAPE_TARGETS" } " to the endpoints."
            }
        } @else if !targets.is_empty() {
            ul.targets aria-label="Scrape targets" {
                @for state in targets { (target(state)) }
            }
        }
        @for (state, why) in down {
            p.empty.away role="status" {
                "No metrics from " b { (state.target.name) } " at "
                span.mono { (state.target.url) } " for " (state.since.elapsed().as_secs()) " s: " (why)
                ". Its lines continue when it responds again."
            }
        }
    }
}

fn target(state: &TargetState) -> Markup {
    let address = state.target.url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let (class, word) = match state.health {
        TargetHealth::Up(_) => ("good", "up"),
        TargetHealth::Awaited => ("plain", "awaited"),
        TargetHealth::Down(_) => ("bad", "down"),
    };
    html! {
        li { (state.target.name) span.muted { (address) } " " span.pill.(class) { (word) } }
    }
}

fn why(state: &TargetState) -> Option<&str> {
    match &state.health {
        TargetHealth::Down(why) => Some(why),
        TargetHealth::Up(_) | TargetHealth::Awaited => None,
    }
}
