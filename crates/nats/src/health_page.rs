//! The broker's health page (`/healthz`): what nats-server reports about its streams and its disk.
//!
//! In the embedded lab it is read over HTTP. In the full lab the monitor listens only inside the broker's container, so
//! the container's health check writes the page to a file.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use tokio::{fs::File, io::AsyncReadExt as _, time::timeout};

use crate::storage::StorageProblem;

/// Timeout of one read of the page.
const READ_TIMEOUT: Duration = Duration::from_millis(500);
/// Maximum number of bytes read of a page in a file.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Scheme of a page in a file.
const FILE: &str = "file://";
/// Text of nats-server when a stream could not be written.
const WRITE_ERROR: &str = "write error";
/// Texts of operating systems when the disk or the user's quota is full.
const NO_ROOM: [&str; 3] = ["no space left", "quota exceeded", "not enough space"];
/// Text of nats-server when JetStream is off.
const JETSTREAM_OFF: &str = "not enabled";

/// Where to read the page. Clones share the HTTP client.
#[derive(Clone)]
pub(crate) enum HealthPage {
    Http { client: reqwest::Client, url: String },
    File(PathBuf),
}

/// What the page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HealthStatus {
    /// The page could not be read.
    Unknown,
    /// No storage problem.
    Healthy,
    /// A storage problem.
    Problem(StorageProblem),
}

#[derive(Deserialize)]
struct Health {
    status: String,
    #[serde(default)]
    error: String,
}

/// Parses the address of a health page.
pub(crate) fn address(text: &str) -> Result<String, String> {
    if text.trim().strip_prefix(FILE).is_some_and(|path| path.starts_with('/')) {
        return Ok(text.trim().to_owned());
    }
    settings::http_url(text)
        .map(|url| url.to_string())
        .map_err(|must_be| format!("{must_be}, or of a file, such as file:///run/broker/health"))
}

impl HealthPage {
    /// The page at `url`; `None` if that is empty.
    pub(crate) fn at(url: Option<&str>) -> anyhow::Result<Option<Self>> {
        let Some(url) = url.filter(|url| !url.is_empty()) else { return Ok(None) };
        if let Some(path) = url.strip_prefix(FILE) {
            return Ok(Some(Self::File(path.into())));
        }
        // No proxy: the broker is local.
        let client = reqwest::Client::builder().no_proxy().timeout(READ_TIMEOUT).build()?;
        Ok(Some(Self::Http { client, url: url.to_owned() }))
    }

    /// Whether the page shows the broker's present state, not that of its last health check.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self, Self::Http { .. })
    }

    /// Reads the page.
    pub(crate) async fn status(&self) -> HealthStatus {
        let page = timeout(READ_TIMEOUT, self.read()).await.ok().flatten();
        match page.and_then(|page| serde_json::from_slice::<Health>(&page).ok()) {
            None => HealthStatus::Unknown,
            Some(health) if health.status == "ok" => HealthStatus::Healthy,
            Some(health) => {
                problem_in(&health.error).map_or(HealthStatus::Healthy, HealthStatus::Problem)
            }
        }
    }

    async fn read(&self) -> Option<Vec<u8>> {
        match self {
            Self::Http { client, url } => {
                let response = client.get(url).send().await.ok()?;
                Some(response.bytes().await.ok()?.into())
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

/// The storage problem in the error of a health page; `None` if the error is about something else.
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
    fn a_full_disk_and_a_failing_disk_are_distinguished() {
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
    async fn a_page_in_a_file_is_read_each_time_and_a_missing_file_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("health");
        let url = address(&format!(" file://{}\n", path.display())).unwrap();
        let page = HealthPage::at(Some(&url)).unwrap().unwrap();
        assert_eq!(page.status().await, HealthStatus::Unknown);
        let full =
            r#"{"status":"unavailable","error":"TODO write error: no space left on device"}"#;
        for (text, expected) in [
            ("", HealthStatus::Unknown),
            (r#"{"status":"ok"}"#, HealthStatus::Healthy),
            (full, HealthStatus::Problem(StorageProblem::DiskFull)),
            (
                r#"{"status":"unavailable","error":"consumer is not current"}"#,
                HealthStatus::Healthy,
            ),
            (r#"{"status":"ok"}"#, HealthStatus::Healthy),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(page.status().await, expected, "{text}");
        }
    }

    #[test]
    fn an_address_is_an_http_or_a_file_url() {
        for good in ["http://127.0.0.1:8222/healthz", "file:///run/broker/health"] {
            assert_eq!(address(good).unwrap(), good);
        }
        for bad in ["", "/run/broker/health", "file://health", "ftp://nats/health"] {
            assert!(address(bad).unwrap_err().contains("file:///"), "{bad}");
        }
    }
}
