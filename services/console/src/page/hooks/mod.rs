//! The received webhooks.

mod pretty_json;
mod row;
mod usage;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, Redirect};
use maud::{Markup, html};

use self::row::row;
use self::usage::usage;
use super::format::count;
use super::frame::{WebPage, live};
use crate::hooks::{HookSummary, is_name};
use crate::query::{BadQuery, QueryParameters};
use crate::state::ConsoleState;

/// Webhooks on the page; the JSON has all of them.
const SHOWN_MAX: usize = 50;

/// `GET /hooks`: all webhooks, or those of `?name=`.
pub(super) async fn page(
    State(state): State<ConsoleState>,
    parameters: QueryParameters,
) -> WebPage {
    let name = match name(parameters) {
        Ok(name) => name,
        Err(bad) => {
            let body = html! {
                h1 { "Invalid name" }
                p { (bad) }
                p { a href="/hooks" { "All webhooks" } }
            };
            return WebPage::titled(StatusCode::BAD_REQUEST, "Bad name", body);
        }
    };
    let part = match &name {
        Some(name) => format!("/parts/hooks?name={name}"),
        None => "/parts/hooks".to_owned(),
    };
    WebPage::new(html! {
        h1 { "Webhooks" @if let Some(name) = &name { " " span.muted { (name) } } }
        (usage(&state))
        (live(&part, &list(&state, name.as_deref())))
    })
}

/// `GET /parts/hooks`: only the list.
pub(super) async fn part(
    State(state): State<ConsoleState>,
    parameters: QueryParameters,
) -> Result<Html<String>, BadQuery> {
    let name = name(parameters)?;
    Ok(Html(list(&state, name.as_deref()).into_string()))
}

/// `GET /hooks/{name}`, the address to which webhooks are posted: redirects to the page.
pub(super) async fn to_page(Path(name): Path<String>) -> Redirect {
    if is_name(&name) {
        Redirect::to(&format!("/hooks?name={name}"))
    } else {
        Redirect::to("/hooks")
    }
}

fn name(mut parameters: QueryParameters) -> Result<Option<String>, BadQuery> {
    let expected = "1 to 40 characters of a-z, 0-9 and '-'";
    let name = parameters.read("name", expected, |text| is_name(text).then(|| text.to_owned()))?;
    parameters.end()?;
    Ok(name)
}

fn list(state: &ConsoleState, name: Option<&str>) -> Markup {
    let hooks = match name {
        Some(name) => state.hooks.inbox.of(name).unwrap_or_default(),
        None => state.hooks.inbox.all(),
    };
    html! {
        (names(&state.hooks.inbox.list(), name))
        @if hooks.is_empty() {
            p.empty { "Nothing has arrived yet. Submit a job that notifies this address: see above." }
        } @else {
            div.hooks { @for hook in hooks.iter().take(SHOWN_MAX) { (row(hook)) } }
        }
        @if hooks.len() > SHOWN_MAX {
            p.note { "Showing the newest " (SHOWN_MAX) " of " (hooks.len()) "; the JSON of each name has all of them." }
        }
    }
}

fn names(inbox: &[HookSummary], chosen: Option<&str>) -> Markup {
    html! {
        @if !inbox.is_empty() {
            ul.names aria-label="Names" {
                li { a href="/hooks" aria-current=[chosen.is_none().then_some("true")] { "all" } }
                @for entry in inbox {
                    li {
                        a href=(format!("/hooks?name={}", entry.name))
                            aria-current=[(chosen == Some(&entry.name)).then_some("true")] {
                            (entry.name) " " span.muted { (count(entry.kept as u64)) }
                        }
                    }
                }
                @if let Some(name) = chosen.filter(|name| inbox.iter().any(|entry| entry.name == *name)) {
                    li { a.plain href=(format!("/api/hooks/{name}")) { "JSON" } }
                }
            }
        }
    }
}
