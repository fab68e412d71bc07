//! Decides which requests are queries. Anything not listed here is refused.

use axum::http::Method;

/// A backend. Each has other queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Prometheus,
    Loki,
    Tempo,
}

/// Queries of Prometheus that may be sent by POST, when they are too long for a URL.
const PROMETHEUS_POST: [&str; 6] = [
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/query_exemplars",
    "/api/v1/series",
    "/api/v1/labels",
    "/api/v1/format_query",
];
/// GET requests of Prometheus that are refused: profiles are expensive.
const PROMETHEUS_NOT: [&str; 1] = ["/debug"];
/// Queries of Loki, by GET or POST. `label` and the like include the paths below them.
const LOKI: [&str; 10] = [
    "/loki/api/v1/query",
    "/loki/api/v1/query_range",
    "/loki/api/v1/labels",
    "/loki/api/v1/label",
    "/loki/api/v1/series",
    "/loki/api/v1/index",
    "/loki/api/v1/patterns",
    "/loki/api/v1/detected_labels",
    "/loki/api/v1/detected_fields",
    "/loki/api/v1/detected_field",
];
/// Queries of Loki by GET only.
const LOKI_GET: [&str; 6] = [
    "/ready",
    "/loki/api/v1/format_query",
    "/loki/api/v1/drilldown-limits",
    "/loki/api/v1/rules",
    "/loki/api/v1/status",
    "/prometheus/api/v1",
];
/// Queries of Tempo, by GET only.
const TEMPO_GET: [&str; 3] = ["/ready", "/api", "/status/buildinfo"];

impl Backend {
    /// The backend's display name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "Prometheus",
            Self::Loki => "Loki",
            Self::Tempo => "Tempo",
        }
    }

    /// The flag for the address of its listener.
    pub(crate) const fn flag(self) -> &'static str {
        match self {
            Self::Prometheus => "--prometheus-bind (WAYBILL_PROXY_PROMETHEUS_BIND)",
            Self::Loki => "--loki-bind (WAYBILL_PROXY_LOKI_BIND)",
            Self::Tempo => "--tempo-bind (WAYBILL_PROXY_TEMPO_BIND)",
        }
    }

    /// Whether this request is a query. `path` is the one that would be sent on, without the query.
    pub(crate) fn allows(self, method: &Method, path: &str) -> bool {
        if !is_plain(path) {
            return false;
        }
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let is_post = *method == Method::POST;
        match self {
            Self::Prometheus if reads => !within(&PROMETHEUS_NOT, path),
            Self::Prometheus => is_post && PROMETHEUS_POST.contains(&path),
            Self::Loki if reads => within(&LOKI, path) || within(&LOKI_GET, path),
            Self::Loki => is_post && within(&LOKI, path),
            Self::Tempo => reads && within(&TEMPO_GET, path),
        }
    }
}

/// One of `known`, or below one of them.
fn within(known: &[&str], path: &str) -> bool {
    known.iter().any(|known| {
        path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// A path that all servers parse alike: no dot segments, empty segments or encoded separators.
fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let disguised = ["%2e", "%2f", "%5c", "%25", "%00", "\\", "//", ";"];
    path.starts_with('/')
        && !disguised.iter().any(|hidden| lower.contains(hidden))
        && !path.split('/').any(|part| part == "." || part == "..")
}

#[cfg(test)]
mod tests {
    use super::{Backend::*, *};

    #[test]
    fn questions_pass() {
        for (backend, method, path) in [
            (Prometheus, Method::GET, "/"),
            (Prometheus, Method::GET, "/alerts"),
            (Prometheus, Method::GET, "/-/ready"),
            (Prometheus, Method::HEAD, "/api/v1/query"),
            (Prometheus, Method::POST, "/api/v1/query_range"),
            (Loki, Method::GET, "/loki/api/v1/query_range"),
            (Loki, Method::POST, "/loki/api/v1/query"),
            (Loki, Method::GET, "/loki/api/v1/label/service_name/values"),
            (Loki, Method::GET, "/loki/api/v1/index/volume_range"),
            (Loki, Method::GET, "/loki/api/v1/status/buildinfo"),
            (Tempo, Method::GET, "/api/v2/traces/0af7651916cd43dd8448eb211c80319c"),
            (Tempo, Method::GET, "/api/v2/search/tag/resource.service.name/values"),
            (Tempo, Method::GET, "/api/echo"),
        ] {
            assert!(backend.allows(&method, path), "{backend:?}: {method} {path}");
        }
    }

    #[test]
    fn requests_that_change_a_backend_are_rejected_in_every_path_encoding() {
        for (backend, method, path) in [
            (Prometheus, Method::POST, "/api/v1/write"),
            (Prometheus, Method::POST, "/api/v1/otlp/v1/metrics"),
            (Prometheus, Method::POST, "/api/v1/admin/tsdb/delete_series"),
            (Prometheus, Method::PUT, "/api/v1/admin/tsdb/snapshot"),
            (Prometheus, Method::POST, "/-/quit"),
            (Prometheus, Method::PUT, "/-/reload"),
            (Prometheus, Method::DELETE, "/api/v1/series"),
            (Prometheus, Method::POST, "/api/v1/query/"),
            (Prometheus, Method::GET, "/debug/pprof/profile"),
            (Loki, Method::GET, "/ingester/shutdown"),
            (Loki, Method::POST, "/flush"),
            (Loki, Method::POST, "/loki/api/v1/push"),
            (Loki, Method::POST, "/loki/api/v1/delete"),
            (Loki, Method::GET, "/loki/api/v1/delete"),
            (Loki, Method::PUT, "/loki/api/v1/query"),
            (Loki, Method::POST, "/loki/api/v1/rules/x"),
            (Loki, Method::GET, "/loki/api/v1/queryx"),
            (Loki, Method::GET, "/loki/api/v1/tail"),
            (Loki, Method::POST, "/otlp/v1/logs"),
            (Loki, Method::GET, "/config"),
            (Loki, Method::GET, "/loki/api/v1/query/../../../../ingester/shutdown"),
            (Loki, Method::GET, "/loki/api/v1/label/%2e%2e/%2E%2E/%2e%2e/%2e%2e/ingester/shutdown"),
            (Loki, Method::GET, "/loki/api/v1/label/..%2f..%2f..%2f..%2fingester/shutdown"),
            (Loki, Method::GET, "/loki/api/v1/label/%252e%252e/x"),
            (Loki, Method::GET, "//ingester/shutdown"),
            (Tempo, Method::GET, "/flush"),
            (Tempo, Method::GET, "/shutdown"),
            (Tempo, Method::POST, "/api/overrides"),
            (Tempo, Method::DELETE, "/api/overrides"),
            (Tempo, Method::POST, "/v1/traces"),
            (Tempo, Method::GET, "/api/../shutdown"),
            (Tempo, Method::GET, "/apix"),
            (Tempo, Method::CONNECT, "/api"),
        ] {
            assert!(!backend.allows(&method, path), "{backend:?}: {method} {path}");
        }
    }
}
