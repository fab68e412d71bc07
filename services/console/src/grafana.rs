//! Links to the same data in Grafana. The ids are those of `grafana/dashboards` and of
//! `grafana/provisioning/datasources`.

use std::str::FromStr;

use serde_json::{Value, json};
use url::Url;

use crate::store::TraceId;

const HOME: &str = "waybill-home";
const JOB: &str = "waybill-job";
const TEMPO: &str = "tempo";
const LOKI: &str = "loki";

/// How far a link's time range extends beyond the trace: clocks may differ.
const MARGIN_MS: u64 = 10 * 60 * 1_000;
const NANOS_IN_MS: u64 = 1_000_000;

/// URL of Grafana for a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrafanaUrl(Url);

/// The text is not a URL of Grafana.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an http:// or https:// address without user name, such as http://127.0.0.1:3000")]
pub struct InvalidGrafanaUrl;

impl FromStr for GrafanaUrl {
    type Err = InvalidGrafanaUrl;

    fn from_str(text: &str) -> Result<Self, InvalidGrafanaUrl> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidGrafanaUrl)?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        let is_bare = url.query().is_none() && url.fragment().is_none();
        if is_plain && is_web && is_bare { Ok(Self(url)) } else { Err(InvalidGrafanaUrl) }
    }
}

/// Start and end in nanoseconds since 1970; `None` if unknown.
pub(crate) type TimeRange = Option<(u64, u64)>;

impl GrafanaUrl {
    /// The first dashboard of the lab.
    pub(crate) fn lab_home(&self) -> Url {
        self.at(&["d", HOME])
    }

    /// The dashboard of one job.
    pub(crate) fn job(&self, trace: TraceId, job: Option<&str>, range: TimeRange) -> Url {
        let mut url = self.at(&["d", JOB]);
        let (from, to) = from_and_to(range);
        url.query_pairs_mut()
            .append_pair("var-trace_id", &trace.to_string())
            .append_pair("var-job_id", job.unwrap_or_default())
            .append_pair("from", &from)
            .append_pair("to", &to);
        url
    }

    /// The trace in Tempo.
    pub(crate) fn trace(&self, trace: TraceId, range: TimeRange) -> Url {
        let query = json!({"queryType": "traceql", "query": trace.to_string()});
        self.explore(TEMPO, query, range)
    }

    /// The log lines of the trace in Loki.
    pub(crate) fn logs(&self, trace: TraceId, range: TimeRange) -> Url {
        let expression = format!("{{service_name=~\".+\"}} | trace_id=\"{trace}\"");
        self.explore(LOKI, json!({"expr": expression, "queryType": "range"}), range)
    }

    /// Explore, with one query to one data source. The type of each data source equals its id.
    fn explore(&self, source: &str, mut query: Value, range: TimeRange) -> Url {
        let (from, to) = from_and_to(range);
        query["refId"] = "A".into();
        query["datasource"] = json!({"type": source, "uid": source});
        let range = json!({"from": from, "to": to});
        let panes = json!({"waybill": {"datasource": source, "queries": [query], "range": range}});
        let mut url = self.at(&["explore"]);
        url.query_pairs_mut()
            .append_pair("schemaVersion", "1")
            .append_pair("panes", &panes.to_string())
            .append_pair("orgId", "1");
        url
    }

    /// A path below the base URL, which may have a path itself.
    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.0.clone();
        // HTTP URLs always have a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

/// The range in Grafana's format: milliseconds since 1970, or relative times.
fn from_and_to(range: TimeRange) -> (String, String) {
    match range {
        Some((start, end)) => {
            let (start, end) = (start / NANOS_IN_MS, end / NANOS_IN_MS);
            let from = start.saturating_sub(MARGIN_MS);
            (from.to_string(), end.saturating_add(MARGIN_MS).to_string())
        }
        None => ("now-24h".to_owned(), "now".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_urls_are_accepted() {
        for good in ["http://127.0.0.1:3000", "https://lab.example/grafana/"] {
            assert!(good.parse::<GrafanaUrl>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "127.0.0.1:3000",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "ftp://x",
            "http://me:secret@127.0.0.1:3000",
            "http://127.0.0.1:3000/?x=1",
        ] {
            assert_eq!(bad.parse::<GrafanaUrl>(), Err(InvalidGrafanaUrl), "{bad}");
        }
    }

    #[test]
    fn the_path_of_the_base_url_is_kept() {
        for base in ["https://lab.example/grafana", "https://lab.example/grafana/"] {
            let grafana: GrafanaUrl = base.parse().unwrap();
            assert_eq!(grafana.lab_home().as_str(), "https://lab.example/grafana/d/waybill-home");
        }
    }
}
