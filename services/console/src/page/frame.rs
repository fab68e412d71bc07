//! What all pages share: head, navigation, and the regions that refresh themselves.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};
use url::Url;

/// The pages in the navigation: path and title.
const PAGES: &[(&str, &str)] =
    &[("/", "Jobs and traces"), ("/metrics", "Metrics"), ("/hooks", "Webhooks")];

/// A whole page. One that is in the navigation has its title from there, and is marked in it.
pub(super) fn page(title: &str, body: &Markup) -> Html<String> {
    let markup = html! {
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
                        @for (path, name) in PAGES {
                            a href=(path) aria-current=[(title == *name).then_some("page")] { (name) }
                        }
                    }
                    button.live type="button" hidden aria-pressed="true" { "Live" }
                }
                main #main { (body) }
            }
        }
    };
    Html(markup.into_string())
}

/// A link that leaves the console, in a tab of its own.
pub(super) fn outside(url: &Url, text: &str) -> Markup {
    html! { a.outside href=(url) target="_blank" rel="noopener noreferrer" { (text) } }
}

/// A part of a page that the script asks for again at `path` every few seconds.
pub(super) fn live(path: &str, part: &Markup) -> Markup {
    html! { div data-refresh=(path) { (part) } }
}
