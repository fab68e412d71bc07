//! `waybill dead show`: one dead letter, with its headers and data.

use client::ConsoleClient;
use contract::api::DeadLetterDetail;
use serde_json::json;

use crate::{
    exit::Exit,
    lab_args::LabArgs,
    terminal::{BAD, BOLD, DIM, clean, clean_lines, fit, print, styled},
};

/// Columns of a label.
const LABEL: usize = 10;
/// Most characters of the data printed as text.
const DATA_CHARS_MAX: usize = 4_000;
/// Most headers printed as text.
const HEADERS_MAX: usize = 64;

/// Show one dead letter: its stage, its reason and the original message
#[derive(Debug, clap::Args)]
pub(crate) struct ShowDeadLetter {
    /// Sequence number of the dead letter
    seq: u64,
    /// Print the response of the gateway as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl ShowDeadLetter {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let dead_letter = self.lab.gateway()?.dead_letter(self.seq).await?;
        if self.json {
            print(&format!("{:#}\n", json!(dead_letter)));
        } else {
            print(&words(&dead_letter, &self.lab.console()?));
        }
        Ok(Exit::Success)
    }
}

fn words(detail: &DeadLetterDetail, console: &ConsoleClient) -> String {
    let dead_letter = &detail.letter;
    let attempts = if dead_letter.attempts == 1 {
        "1 attempt".to_owned()
    } else {
        format!("{} attempts", dead_letter.attempts)
    };
    let mut text = line("dead", &format!("{}  {}", dead_letter.seq, clean(&dead_letter.dead_at)));
    text.push_str(&line("stage", &format!("{} after {attempts}", clean(&dead_letter.stage))));
    let why = format!("{}: {}", clean(&dead_letter.reason), clean(&dead_letter.detail));
    text.push_str(&line("reason", &styled(BAD, &why)));
    if let Some(job) = dead_letter.job {
        text.push_str(&line("job", &job.to_string()));
    }
    text.push_str(&line("subject", &clean(&detail.subject)));
    if let Some(trace_id) = &dead_letter.trace_id {
        text.push_str(&line("trace", &console.trace_page(&clean(trace_id))));
    }
    for (n, header) in detail.headers.iter().take(HEADERS_MAX).enumerate() {
        let header = format!("{}: {}", clean(&header.name), clean(&header.value));
        text.push_str(&line(if n == 0 { "headers" } else { "" }, &header));
    }
    text.push_str(&data(detail));
    text
}

fn line(label: &str, text: &str) -> String {
    format!("{} {text}\n", styled(BOLD, &fit(label, LABEL)))
}

fn data(detail: &DeadLetterDetail) -> String {
    let size = detail.letter.bytes;
    let Some(body) = &detail.body_text else {
        return line(
            "data",
            &styled(DIM, &format!("{size} bytes of binary data; use --json to print them")),
        );
    };
    let mut shown: String = body.chars().take(DATA_CHARS_MAX).collect();
    let is_cut = shown.len() < body.len();
    // Pretty-printed if it is complete JSON.
    if let Some(json) = serde_json::from_str::<serde_json::Value>(&shown).ok().filter(|_| !is_cut) {
        shown = format!("{json:#}");
    }
    let more =
        if is_cut { styled(DIM, "… use --json to print all of it\n") } else { String::new() };
    format!("{}{}\n{more}", line("data", &format!("{size} bytes")), clean_lines(&shown))
}
