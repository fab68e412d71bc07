//! A foreign web site, and a server without protection on which the attacks must succeed.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use tokio::{net::TcpListener, task::JoinSet};

/// Received requests by method and media type.
pub(crate) type Seen = Arc<Mutex<Vec<(Method, String)>>>;

/// A foreign site and an unprotected server. Both end with the test.
pub(crate) struct ForeignSite {
    pub(crate) site: SocketAddr,
    pub(crate) open: SocketAddr,
    pub(crate) seen: Seen,
    _serving: JoinSet<()>,
}

impl ForeignSite {
    pub(crate) async fn start() -> Self {
        let (seen, mut serving) = (Seen::default(), JoinSet::new());
        let page = Html("<!doctype html><title>A stranger's page</title><body></body>");
        let site = serve(&mut serving, Router::new().fallback(async move || page)).await;
        let open = Router::new().fallback(allow).with_state(seen.clone());
        let open = serve(&mut serving, open).await;
        Self { site, open, seen, _serving: serving }
    }

    /// The URL of the foreign page.
    pub(crate) fn page(&self) -> String {
        format!("http://evil.example:{}/", self.site.port())
    }
}

async fn serve(serving: &mut JoinSet<()>, router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// Allows every request of every origin.
async fn allow(State(seen): State<Seen>, request: Request) -> Response {
    let media = request.headers().get(header::CONTENT_TYPE);
    let media = media.and_then(|media| media.to_str().ok()).unwrap_or_default().to_owned();
    seen.lock().unwrap().push((request.method().clone(), media));
    let mut headers = HeaderMap::new();
    let any = HeaderValue::from_static("*");
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, any.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, any);
    let path = request.uri().path();
    let (media, body) = match path {
        "/x.svg" => ("image/svg+xml", SVG),
        "/x.js" => ("text/javascript", "var open_script = 1;"),
        "/events" => ("text/event-stream", "data: here\n\n"),
        _ => ("application/json", "{}"),
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    (StatusCode::OK, headers, body).into_response()
}

const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="3" height="3"></svg>"#;
