//! The frame of every page: head and navigation; and the elements that pages have in common.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use url::Url;

/// A page without its frame, which the router adds.
pub(super) struct WebPage {
    status: StatusCode,
    content: PageContent,
}

/// The part of a page that the frame surrounds; it travels in the extensions of the response.
#[derive(Clone)]
pub(super) struct PageContent {
    title: Option<String>,
    body: Markup,
}

/// An entry of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NavigationEntry {
    pub(super) path: &'static str,
    pub(super) title: &'static str,
}

impl WebPage {
    /// A page with the title of its entry in the table of pages.
    pub(super) fn new(body: Markup) -> Self {
        Self { status: StatusCode::OK, content: PageContent { title: None, body } }
    }

    /// A page with a title of its own; the navigation does not mark it as the current page.
    pub(super) fn titled(status: StatusCode, title: impl Into<String>, body: Markup) -> Self {
        Self { status, content: PageContent { title: Some(title.into()), body } }
    }
}

impl IntoResponse for WebPage {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self.content);
        response
    }
}

/// Adds the frame if the response is a [`WebPage`]. `current` is the page's entry in the table.
pub(super) fn framed(
    mut response: Response,
    current: Option<NavigationEntry>,
    navigation: impl Iterator<Item = NavigationEntry>,
) -> Response {
    let Some(content) = response.extensions_mut().remove::<PageContent>() else { return response };
    let current = current.filter(|_| content.title.is_none());
    let title = content.title.as_deref().or(current.map(|entry| entry.title)).unwrap_or_default();
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Waybill" }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/console.css";
                script src="/assets/console.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    a.brand href="/" { img src="/assets/icon.svg" alt="" width="22" height="22"; "Waybill" }
                    nav aria-label="Pages" {
                        @for entry in navigation {
                            a href=(entry.path) aria-current=[(current == Some(entry)).then_some("page")] { (entry.title) }
                        }
                    }
                    button.live type="button" hidden aria-pressed="true" { "Live" }
                }
                main #main { (content.body) }
            }
        }
    };
    (response.status(), Html(document.into_string())).into_response()
}

/// A link to another site; opens a new tab.
pub(super) fn external_link(url: &Url, text: &str) -> Markup {
    html! { a.outside href=(url) target="_blank" rel="noopener noreferrer" { (text) } }
}

/// A part of a page that the script refreshes from `path` every few seconds.
pub(super) fn live(path: &str, part: &Markup) -> Markup {
    html! { div data-refresh=(path) { (part) } }
}
