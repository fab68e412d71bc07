//! Protects the servers of a lab from foreign web pages in a browser on the same machine: checks `Host`, `Origin` and
//! `Content-Type`. It does not authenticate users.
//!
//! `Host` is compared without the port: a page that rebinds its own name to 127.0.0.1 still sends that name, while a port
//! mapped by Docker or a proxy legitimately differs from the bound one. `Origin` must match the host and port of the
//! request, so a page on another port of `localhost` cannot post either.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    body::HttpBody as _,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header, uri::Authority},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};

use crate::problem::ProblemResponse;

/// Default media types of bodies. An HTML form, or a script without CORS, cannot send them.
const JSON_ONLY: &[&str] = &[contract::event::JSON];

/// Additional host names of the HTTP servers of this process.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct HostsConfig {
    /// Host names under which clients may reach this service, besides localhost and the bound address, separated by
    /// commas. In Compose: the service's own name.
    #[arg(
        long = "allowed-hosts",
        env = "WAYBILL_ALLOWED_HOSTS",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    pub allowed_hosts: Vec<String>,
}

/// The host names and media types that one server accepts.
#[derive(Debug, Clone)]
pub struct AllowedHosts {
    bind: IpAddr,
    extra: Arc<[String]>,
    media: &'static [&'static str],
}

impl AllowedHosts {
    /// Allows `localhost`, loopback addresses, the bound address and the names in `extra` (their ports are ignored).
    /// A server bound to every address also allows any IP address: these cannot be rebound.
    pub fn new(bind: SocketAddr, extra: &[String]) -> Self {
        let extra = extra.iter().map(|name| {
            let name = name.trim().to_ascii_lowercase();
            name.parse::<Authority>().map_or(name, |name| name.host().to_owned())
        });
        Self {
            bind: bind.ip(),
            extra: extra.filter(|name| !name.is_empty()).collect(),
            media: JSON_ONLY,
        }
    }

    /// Accepts bodies of these media types instead of JSON only. Never list a type that an HTML form
    /// can send (`text/plain`, `application/x-www-form-urlencoded`, `multipart/form-data`).
    #[must_use]
    pub fn media_types(mut self, media: &'static [&'static str]) -> Self {
        self.media = media;
        self
    }

    fn allows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) => {
                address.is_loopback()
                    || address == self.bind
                    || self.bind.is_unspecified()
                    || self.extra.iter().any(|extra| extra.trim_matches(['[', ']']) == bare)
            }
            Err(_) => host == "localhost" || self.extra.contains(&host),
        }
    }
}

/// Responds 421 to requests for a host that is not `allowed`; to requests that may change something, also 403 for a foreign
/// `Origin` and 415 for a body of another media type. All responses are `application/problem+json`.
pub fn guard(router: Router, allowed: AllowedHosts) -> Router {
    router.layer(middleware::from_fn_with_state(allowed, check))
}

async fn check(State(allowed): State<AllowedHosts>, request: Request, next: Next) -> Response {
    match refuse(&allowed, &request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn refuse(allowed: &AllowedHosts, request: &Request) -> Option<ProblemResponse> {
    let Some(host) = host(request).filter(|host| allowed.allows(host.host())) else {
        return Some(wrong_host());
    };
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return None;
    }
    if !same_origin(request.headers(), &host) {
        return Some(foreign_origin());
    }
    let has_body = !request.body().is_end_stream();
    (has_body && !takes(allowed.media, request.headers())).then(|| wrong_media(allowed.media))
}

/// The host of the request; `None` if there is none, or if the URI and the header differ.
fn host(request: &Request) -> Option<Authority> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    let (first, second) = (headers.next(), headers.next());
    let named = first?.to_str().ok()?.parse::<Authority>().ok()?;
    let target = request.uri().authority();
    let agree = second.is_none() && target.is_none_or(|target| *target == named);
    (agree && !named.as_str().contains('@')).then_some(named)
}

/// A request without `Origin` is not from a browser: browsers send it with every changing request.
fn same_origin(headers: &HeaderMap, host: &Authority) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return true;
    };
    let origin = origin.to_str().unwrap_or("null");
    let authority =
        ["http://", "https://"].into_iter().find_map(|scheme| origin.strip_prefix(scheme));
    origins.next().is_none() && authority.is_some_and(|origin| *host == *origin)
}

fn takes(media: &[&str], headers: &HeaderMap) -> bool {
    let sent = headers.get(header::CONTENT_TYPE);
    let sent = sent.and_then(|sent| sent.to_str().ok()).unwrap_or_default();
    let sent = sent.split(';').next().unwrap_or_default().trim();
    media.iter().any(|media| sent.eq_ignore_ascii_case(media))
}

fn wrong_host() -> ProblemResponse {
    ProblemResponse::new(
        StatusCode::MISDIRECTED_REQUEST,
        "wrong-host",
        "Unknown host name in the request",
        "Use localhost or the bound address, or add the name to --allowed-hosts (WAYBILL_ALLOWED_HOSTS).",
    )
}

fn foreign_origin() -> ProblemResponse {
    ProblemResponse::new(
        StatusCode::FORBIDDEN,
        "foreign-origin",
        "Request from another origin refused",
        "Header Origin must be absent or name the host and port of this request.",
    )
}

fn wrong_media(media: &[&str]) -> ProblemResponse {
    ProblemResponse::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "wrong-media-type",
        "Unsupported media type of the request body",
        format!("Header Content-Type must be {}.", media.join(" or ")),
    )
}
