//! `waybill probe URL`: is it well there? For health checks in images that hold no other program.

use std::time::Duration;

use anyhow::{Context as _, bail};
use url::Url;

use crate::{exit::Exit, terminal::print};

/// Longest wait that can be asked for, in seconds.
const LIMIT_SECONDS_MAX: u64 = 300;

/// Longest answer that is printed, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Characters shown of an answer that is no success.
const WHY_CHARS_MAX: usize = 300;

/// Ask a URL once: exit code 0 when it answers with success, 1 otherwise
#[derive(Debug, clap::Args)]
pub(crate) struct Probe {
    /// What to ask, such as http://127.0.0.1:9101/readyz
    #[arg(value_name = "URL")]
    url: Url,
    /// Seconds the answer may take in all
    #[arg(
        long,
        env = "WAYBILL_PROBE_LIMIT_SECONDS",
        default_value_t = 2,
        value_parser = settings::seconds(1..=LIMIT_SECONDS_MAX)
    )]
    limit_seconds: u64,
    /// Print what it answers, a megabyte at most
    #[arg(long)]
    print: bool,
}

impl Probe {
    pub(crate) async fn run(&self) -> anyhow::Result<Exit> {
        // A proxy would ask its own machine, and a redirect tells nothing of the one that was asked.
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(self.limit_seconds))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .context("cannot set up HTTP")?;
        let answer = client.get(self.url.clone()).send().await;
        let mut answer = answer.with_context(|| format!("{} does not answer", self.url))?;
        let status = answer.status();
        if !status.is_success() {
            let why = first_words(answer).await;
            bail!("{} answers {status}{why}", self.url);
        }
        let mut body = Vec::new();
        while self.print
            && let Some(chunk) = answer.chunk().await.context("the answer breaks off")?
        {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                bail!("the answer of {} is longer than {ANSWER_BYTES_MAX} bytes", self.url);
            }
        }
        print(&String::from_utf8_lossy(&body));
        Ok(Exit::Done)
    }
}

/// The beginning of an answer that is no success: it may say why.
async fn first_words(mut answer: reqwest::Response) -> String {
    let chunk = answer.chunk().await.ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&chunk);
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().take(WHY_CHARS_MAX).collect();
    if words.is_empty() { words } else { format!(": {words}") }
}
