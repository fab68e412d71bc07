//! Style, script and icon, embedded in the binary.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Name, media type and content of every file.
const ASSETS: &[(&str, &str, &str)] = &[
    (
        "console.css",
        "text/css; charset=utf-8",
        concat!(include_str!("console.css"), include_str!("metrics.css")),
    ),
    ("console.js", "text/javascript; charset=utf-8", include_str!("console.js")),
    ("icon.svg", "image/svg+xml", include_str!("icon.svg")),
];

/// `GET /assets/{name}`. Not cached: the files are small, and the pages of a newer console need its own style.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, ..)| *known == name) {
        Some((_, media, content)) => {
            ([(header::CONTENT_TYPE, *media), (header::CACHE_CONTROL, "no-cache")], *content)
                .into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
