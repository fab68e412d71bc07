//! The console for people: pages made on the server, which need no script to be read.
//!
//! Everything that came from outside is text to maud, which escapes it; the policy in `harden` is the
//! second lock. A page adds itself to `router` and to `frame::PAGES`.

mod assets;
mod canary;
mod format;
mod frame;
mod home;
mod hooks;
mod job_list;
mod jobs;
mod metrics;
mod palette;
mod trace;
mod trace_list;
mod workers;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::html;

use crate::state::ConsoleState;

/// What a page may do: nothing from elsewhere, nothing inline.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'; object-src 'none'";

/// All pages, the parts of them that refresh themselves, and what they load.
pub(crate) fn router() -> Router<ConsoleState> {
    Router::new()
        .route("/", get(home::page))
        .route("/parts/jobs", get(job_list::part))
        .route("/parts/workers", get(workers::part))
        .route("/parts/traces", get(trace_list::part))
        .route("/traces/{trace_id}", get(trace::page))
        .route("/parts/traces/{trace_id}", get(trace::part))
        .route("/hooks", get(hooks::page))
        .route("/parts/hooks", get(hooks::part))
        .route("/hooks/{name}", get(hooks::to_page))
        .route("/metrics", get(metrics::page))
        .route("/parts/metrics", get(metrics::part))
        .route("/parts/canary", get(canary::part))
        .route("/jobs/{id}", get(jobs::to_trace))
        .route("/assets/{name}", get(assets::asset))
        .fallback(not_found)
}

/// Adds the headers that keep a browser from doing what the pages do not ask for.
pub(crate) fn harden(router: Router) -> Router {
    router.layer(middleware::from_fn(|request: Request, next: Next| async move {
        let mut answer = next.run(request).await;
        let headers: [(HeaderName, &'static str); 4] = [
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        for (name, value) in headers {
            answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
        }
        answer
    }))
}

async fn not_found() -> Response {
    let body = html! {
        h1 { "Page not found" }
        p { "Start from " a href="/" { "jobs and traces" } "." }
    };
    (StatusCode::NOT_FOUND, frame::page("Not found", &body)).into_response()
}
