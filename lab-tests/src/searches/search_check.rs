//! A request to the console, with what its response must and must not contain.

use std::time::Duration;

use reqwest::Url;
use testkit::eventually;

use crate::Client;

/// On the first page, the heading after the recent jobs and before the traces that were found.
const TRACES_BEGIN: &str = "Recent traces";

/// A request, and the expected response.
#[derive(Debug, Clone)]
pub(super) struct SearchCheck {
    path: String,
    must_contain: Vec<String>,
    must_not_contain: Vec<String>,
    status: u16,
}

impl SearchCheck {
    /// Expects a response with the texts in `finds` and without those in `not`.
    pub(super) fn new(path: impl Into<String>, finds: &[&str], not: &[&str]) -> Self {
        let all = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            path: path.into(),
            must_contain: all(finds),
            must_not_contain: all(not),
            status: 200,
        }
    }

    /// Expects 404, without the texts in `not`.
    pub(super) fn unknown(path: impl Into<String>, not: &[&str]) -> Self {
        Self { status: 404, ..Self::new(path, &[], not) }
    }

    /// The query parameters, if the request is for this list.
    pub(super) fn parameters(&self, list: &str) -> Vec<&str> {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let query = if path == list { query } else { "" };
        query.split('&').filter_map(|pair| pair.split('=').next()).collect()
    }

    /// Repeats the request until the response has all expected texts, then checks that it has no other. Metrics are
    /// fetched every few seconds, so some responses become right later.
    pub(super) async fn run(&self, client: &Client, limit: Duration) {
        let text = eventually(limit, &self.path, async || {
            let (status, text) = client.console(&self.path).await.map_err(|e| e.to_string())?;
            let missing =
                self.must_contain.iter().find(|find| !part(&self.path, &text).contains(*find));
            match missing {
                _ if status != self.status => Err(format!("{status}: {text}")),
                Some(missing) => Err(format!("no {missing} in {text}")),
                None => Ok(text),
            }
        })
        .await;
        for wrong in &self.must_not_contain {
            let found = part(&self.path, &text).contains(wrong);
            assert!(!found, "{}: {wrong} must not be in {text}", self.path);
        }
    }
}

/// The part of the response that the search determines.
fn part<'a>(path: &str, text: &'a str) -> &'a str {
    match text.split_once(TRACES_BEGIN) {
        Some((_, traces)) if path.starts_with("/?") => traces,
        _ => text,
    }
}

/// A query string of these pairs, encoded as by a browser.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let url = Url::parse_with_params("http://console/", pairs).expect("pairs can be encoded");
    url.query().unwrap_or_default().to_owned()
}
