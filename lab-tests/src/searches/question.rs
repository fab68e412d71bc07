//! A question to the console, with what its answer must hold and what it must not.

use std::time::Duration;

use reqwest::Url;
use testkit::eventually;

use crate::Client;

/// On the first page the recent jobs stand before the traces that a search found.
const TRACES_BEGIN: &str = "Recent traces";

/// One line of the table.
#[derive(Debug, Clone)]
pub(super) struct Question {
    path: String,
    finds: Vec<String>,
    not: Vec<String>,
    status: u16,
}

impl Question {
    /// A question that is answered with these texts, and without those.
    pub(super) fn new(path: impl Into<String>, finds: &[&str], not: &[&str]) -> Self {
        let all = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self { path: path.into(), finds: all(finds), not: all(not), status: 200 }
    }

    /// The same, where the console has nothing and says so.
    pub(super) fn unknown(path: impl Into<String>, not: &[&str]) -> Self {
        Self { status: 404, ..Self::new(path, &[], not) }
    }

    /// The parameters with which it asks this list.
    pub(super) fn parameters(&self, list: &str) -> Vec<&str> {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let query = if path == list { query } else { "" };
        query.split('&').filter_map(|pair| pair.split('=').next()).collect()
    }

    /// Asks until all is found, then looks for what must not be. Metrics are fetched every few seconds, so some answers
    /// become right a little later.
    pub(super) async fn is_answered(&self, client: &Client, limit: Duration) {
        let text = eventually(limit, &self.path, async || {
            let (status, text) = client.console(&self.path).await.map_err(|e| e.to_string())?;
            let missing = self.finds.iter().find(|find| !part(&self.path, &text).contains(*find));
            match missing {
                _ if status != self.status => Err(format!("{status}: {text}")),
                Some(missing) => Err(format!("no {missing} in {text}")),
                None => Ok(text),
            }
        })
        .await;
        for wrong in &self.not {
            let found = part(&self.path, &text).contains(wrong);
            assert!(!found, "{}: {wrong} must not be in {text}", self.path);
        }
    }
}

/// What of the answer belongs to the question.
fn part<'a>(path: &str, text: &'a str) -> &'a str {
    match text.split_once(TRACES_BEGIN) {
        Some((_, traces)) if path.starts_with("/?") => traces,
        _ => text,
    }
}

/// A query of these pairs, written as a browser writes it.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let url = Url::parse_with_params("http://console/", pairs).expect("pairs can be written");
    url.query().unwrap_or_default().to_owned()
}
