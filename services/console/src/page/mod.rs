//! The console as web pages, rendered on the server; they need no script to be read.
//!
//! Text from outside is escaped by maud; the policy in `harden` protects in addition. A new page is a file, and an entry
//! in [`PAGES`].

mod assets;
mod canary;
mod format;
mod frame;
mod home;
mod hooks;
mod job;
mod job_list;
mod links;
mod metrics;
mod palette;
mod trace;
mod trace_list;
mod warnings;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use maud::html;

use self::frame::{NavigationEntry, WebPage};
use crate::state::ConsoleState;

type Handler = fn() -> MethodRouter<ConsoleState>;

/// A page of the console. Pages without a parameter in their path are in the navigation.
struct PageEntry {
    path: &'static str,
    /// Name in the navigation, and title of the page unless it sets its own.
    title: &'static str,
    handler: Handler,
    /// The parts that refresh themselves, each with its path.
    parts: &'static [(&'static str, Handler)],
}

/// All pages, in the order of the navigation.
const PAGES: &[PageEntry] = &[
    PageEntry {
        path: "/",
        title: "Jobs and traces",
        handler: || get(home::page),
        parts: &[
            ("/parts/jobs", || get(job_list::part)),
            ("/parts/workers", || get(warnings::part)),
            ("/parts/traces", || get(trace_list::part)),
            ("/parts/canary", || get(canary::part)),
        ],
    },
    PageEntry {
        path: "/metrics",
        title: "Metrics",
        handler: || get(metrics::page),
        parts: &[("/parts/metrics", || get(metrics::part))],
    },
    PageEntry {
        path: "/hooks",
        title: "Webhooks",
        handler: || get(hooks::page),
        parts: &[("/parts/hooks", || get(hooks::part))],
    },
    PageEntry {
        path: "/traces/{trace_id}",
        title: "Trace",
        handler: || get(trace::page),
        parts: &[("/parts/traces/{trace_id}", || get(trace::part))],
    },
    PageEntry { path: "/jobs/{id}", title: "Job", handler: || get(job::to_trace), parts: &[] },
];

/// What a page may do: load from the console only, nothing inline.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'; object-src 'none'";

/// All pages, their parts, and what they load.
pub(crate) fn router() -> Router<ConsoleState> {
    let router = PAGES.iter().fold(Router::new(), |router, page| {
        let router = router.route(page.path, (page.handler)());
        page.parts.iter().fold(router, |router, (path, part)| router.route(path, part()))
    });
    router
        .route("/hooks/{name}", get(hooks::to_page))
        .route("/assets/{name}", get(assets::asset))
        .fallback(not_found)
        .layer(middleware::from_fn(add_frame))
}

/// Path and title of every page in the navigation, in its order.
pub fn navigation() -> impl Iterator<Item = (&'static str, &'static str)> {
    entries().filter(|entry| !entry.path.contains('{')).map(|entry| (entry.path, entry.title))
}

/// Adds the headers that keep a browser from doing what the pages do not need.
pub(crate) fn harden(router: Router) -> Router {
    router.layer(middleware::from_fn(|request: Request, next: Next| async move {
        let mut response = next.run(request).await;
        let headers: [(HeaderName, &'static str); 4] = [
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        for (name, value) in headers {
            response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
        }
        response
    }))
}

async fn add_frame(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let current = path.and_then(|path| entries().find(|entry| entry.path == path.as_str()));
    let navigation = navigation().map(|(path, title)| NavigationEntry { path, title });
    frame::framed(response, current, navigation)
}

fn entries() -> impl Iterator<Item = NavigationEntry> {
    PAGES.iter().map(|page| NavigationEntry { path: page.path, title: page.title })
}

async fn not_found() -> WebPage {
    let body = html! {
        h1 { "Page not found" }
        p { "Start from " a href="/" { "jobs and traces" } "." }
    };
    WebPage::titled(StatusCode::NOT_FOUND, "Not found", body)
}
