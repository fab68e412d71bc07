//! `waybill probe URL`: a health check, for images that contain no other program.

use std::time::Duration;

use anyhow::{Context as _, bail};
use url::Url;

use crate::{exit::Exit, terminal::print};

/// Longest timeout, in seconds.
const LIMIT_SECONDS_MAX: u64 = 300;

/// Longest response that is printed, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Characters shown of an error response.
const WHY_CHARS_MAX: usize = 300;

/// Request a URL once: exit code 0 if the response is a success, 1 otherwise
#[derive(Debug, clap::Args)]
pub(crate) struct ProbeCommand {
    /// URL to request, such as http://127.0.0.1:9101/readyz
    #[arg(value_name = "URL")]
    url: Url,
    /// Timeout, in seconds
    #[arg(
        long,
        env = "WAYBILL_PROBE_LIMIT_SECONDS",
        default_value_t = 2,
        value_parser = settings::seconds(1..=LIMIT_SECONDS_MAX)
    )]
    limit_seconds: u64,
    /// Print the response, at most 1 MiB
    #[arg(long)]
    print: bool,
}

impl ProbeCommand {
    pub(crate) async fn run(&self) -> anyhow::Result<Exit> {
        // A redirect says nothing about the health of this URL.
        let client = client::http_builder(Duration::from_secs(self.limit_seconds))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("cannot set up HTTP")?;
        let response = client.get(self.url.clone()).send().await;
        let mut response = response.with_context(|| format!("no response from {}", self.url))?;
        let status = response.status();
        if !status.is_success() {
            let why = first_words(response).await;
            bail!("{} returned {status}{why}", self.url);
        }
        let mut body = Vec::new();
        while self.print
            && let Some(chunk) = response.chunk().await.context("the response broke off")?
        {
            body.extend_from_slice(&chunk);
            if body.len() > BODY_BYTES_MAX {
                bail!("the response of {} is longer than {BODY_BYTES_MAX} bytes", self.url);
            }
        }
        print(&String::from_utf8_lossy(&body));
        Ok(Exit::Success)
    }
}

/// The beginning of an error response, which may say why.
async fn first_words(mut response: reqwest::Response) -> String {
    let chunk = response.chunk().await.ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&chunk);
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().take(WHY_CHARS_MAX).collect();
    if words.is_empty() { words } else { format!(": {words}") }
}
