//! `waybill dead show`: one dead letter, with its headers and data.

use contract::api::DeadLetterDetail;
use serde_json::json;

use crate::{
    client::Console,
    exit::Exit,
    lab_args::LabArgs,
    terminal::{BAD, BOLD, DIM, clean, clean_lines, fit, print, styled},
};

/// Columns of a label.
const LABEL: usize = 10;
/// Most of the data that is shown to people, in characters.
const DATA_CHARS_MAX: usize = 4_000;
/// Most headers shown to people.
const HEADERS_MAX: usize = 64;

/// Show one dead letter: who gave up and why, and the message as it was
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// Its place in the list
    seq: u64,
    /// Print JSON, as the gateway answered
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl Show {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let letter = self.lab.gateway()?.dead_letter(self.seq).await?;
        if self.json {
            print(&format!("{:#}\n", json!(letter)));
        } else {
            print(&words(&letter, &self.lab.console()?));
        }
        Ok(Exit::Done)
    }
}

fn words(detail: &DeadLetterDetail, console: &Console) -> String {
    let letter = &detail.letter;
    let tries = if letter.attempts == 1 {
        "1 attempt".to_owned()
    } else {
        format!("{} attempts", letter.attempts)
    };
    let mut text = line("letter", &format!("{}  {}", letter.seq, clean(&letter.dead_at)));
    text.push_str(&line("gave up", &format!("{} after {tries}", clean(&letter.stage))));
    let why = format!("{}: {}", clean(&letter.reason), clean(&letter.detail));
    text.push_str(&line("reason", &styled(BAD, &why)));
    if let Some(job) = letter.job {
        text.push_str(&line("job", &job.to_string()));
    }
    text.push_str(&line("subject", &clean(&detail.subject)));
    if let Some(trace_id) = &letter.trace_id {
        text.push_str(&line("console", &console.trace_page(&clean(trace_id))));
    }
    for (n, header) in detail.headers.iter().take(HEADERS_MAX).enumerate() {
        let said = format!("{}: {}", clean(&header.name), clean(&header.value));
        text.push_str(&line(if n == 0 { "headers" } else { "" }, &said));
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
            &styled(DIM, &format!("{size} bytes that are no text; --json has them")),
        );
    };
    let mut shown: String = body.chars().take(DATA_CHARS_MAX).collect();
    let is_cut = shown.len() < body.len();
    // Laid out, where it is JSON and whole.
    if let Some(json) = serde_json::from_str::<serde_json::Value>(&shown).ok().filter(|_| !is_cut) {
        shown = format!("{json:#}");
    }
    let more = if is_cut { styled(DIM, "… --json has it all\n") } else { String::new() };
    format!("{}{}\n{more}", line("data", &format!("{size} bytes")), clean_lines(&shown))
}
