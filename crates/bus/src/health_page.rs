//! The broker's health page: what nats-server itself says of its streams and its disk.
//!
//! The embedded lab has its address. In the full lab the monitor that serves it listens inside the broker's container alone,
//! and the container's health check leaves the page in a file.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use tokio::{fs::File, io::AsyncReadExt as _, time::timeout};

use crate::storage::StorageProblem;

/// How long the page may take.
const LIMIT: Duration = Duration::from_millis(500);
/// Most bytes read of a page in a file.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// What the address of a file begins with.
const FILE: &str = "file://";
/// How nats-server says that a stream could not be written.
const WRITE_ERROR: &str = "write error";
/// How systems say that there is no room: none left, or none left for this user.
const NO_ROOM: [&str; 3] = ["no space left", "quota exceeded", "not enough space"];
/// How nats-server says that JetStream is off.
const JETSTREAM_OFF: &str = "not enabled";

/// Where the page is. Clones share its client.
#[derive(Clone)]
pub(crate) enum HealthPage {
    Http { client: reqwest::Client, url: String },
    File(PathBuf),
}

/// What a look at the page found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    /// No page, or none that can be read.
    Silent,
    /// Nothing is wrong with storing.
    Well,
    /// What is wrong.
    Problem(StorageProblem),
}

#[derive(Deserialize)]
struct Health {
    status: String,
    #[serde(default)]
    error: String,
}

/// Reads the address of a health page.
pub(crate) fn address(text: &str) -> Result<String, String> {
    if text.trim().strip_prefix(FILE).is_some_and(|path| path.starts_with('/')) {
        return Ok(text.trim().to_owned());
    }
    settings::http_url(text)
        .map(|url| url.to_string())
        .map_err(|must_be| format!("{must_be}, or of a file, such as file:///run/broker/health"))
}

impl HealthPage {
    /// The page at `url`; none for an empty one.
    pub(crate) fn at(url: Option<&str>) -> anyhow::Result<Option<Self>> {
        let Some(url) = url.filter(|url| !url.is_empty()) else { return Ok(None) };
        if let Some(path) = url.strip_prefix(FILE) {
            return Ok(Some(Self::File(path.into())));
        }
        // Never by way of a proxy: the broker is near.
        let client = reqwest::Client::builder().no_proxy().timeout(LIMIT).build()?;
        Ok(Some(Self::Http { client, url: url.to_owned() }))
    }

    /// Whether it says how the broker is now, and not how it was at its last health check.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self, Self::Http { .. })
    }

    /// What the broker says of itself.
    pub(crate) async fn look(&self) -> Look {
        let page = timeout(LIMIT, self.read()).await.ok().flatten();
        match page.and_then(|page| serde_json::from_slice::<Health>(&page).ok()) {
            None => Look::Silent,
            Some(health) if health.status == "ok" => Look::Well,
            Some(health) => problem_in(&health.error).map_or(Look::Well, Look::Problem),
        }
    }

    async fn read(&self) -> Option<Vec<u8>> {
        match self {
            Self::Http { client, url } => {
                let answer = client.get(url).send().await.ok()?;
                Some(answer.bytes().await.ok()?.into())
            }
            Self::File(path) => {
                let mut page = Vec::new();
                let file = File::open(path).await.ok()?;
                file.take(FILE_BYTES_MAX).read_to_end(&mut page).await.ok()?;
                Some(page)
            }
        }
    }
}

/// The problem that the health page's error is about; none when it is not about storing.
fn problem_in(error: &str) -> Option<StorageProblem> {
    let error = error.to_lowercase();
    if NO_ROOM.iter().any(|words| error.contains(words)) {
        return Some(StorageProblem::DiskFull);
    }
    if error.contains(JETSTREAM_OFF) {
        return Some(StorageProblem::JetStreamOff);
    }
    error.contains(WRITE_ERROR).then_some(StorageProblem::DiskFailing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_page_tells_a_full_disk_from_one_that_fails() {
        let write =
            |cause| format!("JetStream stream '$G > TODO' write error: write /d/1.blk: {cause}");
        let cases = [
            (write("no space left on device"), Some(StorageProblem::DiskFull)),
            (write("disk quota exceeded"), Some(StorageProblem::DiskFull)),
            (write("read-only file system"), Some(StorageProblem::DiskFailing)),
            (write("input/output error"), Some(StorageProblem::DiskFailing)),
            (write("file too large"), Some(StorageProblem::DiskFailing)),
            ("jetstream not enabled".to_owned(), Some(StorageProblem::JetStreamOff)),
            ("JetStream consumer 'a' is not current".to_owned(), None),
        ];
        for (error, expected) in cases {
            assert_eq!(problem_in(&error), expected, "{error}");
        }
    }

    #[tokio::test]
    async fn a_page_in_a_file_is_read_each_time_and_one_that_is_not_there_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("health");
        let url = address(&format!(" file://{}\n", path.display())).unwrap();
        let page = HealthPage::at(Some(&url)).unwrap().unwrap();
        assert_eq!(page.look().await, Look::Silent);
        let full =
            r#"{"status":"unavailable","error":"TODO write error: no space left on device"}"#;
        for (text, expected) in [
            ("", Look::Silent),
            (r#"{"status":"ok"}"#, Look::Well),
            (full, Look::Problem(StorageProblem::DiskFull)),
            (r#"{"status":"unavailable","error":"consumer is not current"}"#, Look::Well),
            (r#"{"status":"ok"}"#, Look::Well),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(page.look().await, expected, "{text}");
        }
    }

    #[test]
    fn an_address_is_of_a_web_server_or_of_a_file() {
        for good in ["http://127.0.0.1:8222/healthz", "file:///run/broker/health"] {
            assert_eq!(address(good).unwrap(), good);
        }
        for bad in ["", "/run/broker/health", "file://health", "ftp://nats/health"] {
            assert!(address(bad).unwrap_err().contains("file:///"), "{bad}");
        }
    }
}
