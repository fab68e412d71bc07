//! `waybill dead redrive`: publishes dead letters again.

use std::fmt::Write as _;

use anyhow::bail;
use client::GatewayClient;
use contract::{
    Stage,
    api::{REDRIVE_LIMIT_MAX, RedriveFailure, RedriveMany, Redriven, RedrivenMany},
    signals::reason::DEAD_LETTERS,
};
use serde_json::json;

use super::{confirm::ConfirmArgs, stage};
use crate::{
    exit::Exit,
    lab_args::LabArgs,
    terminal::{BAD, GOOD, clean, print, styled},
};

/// Most dead letters that one command redrives.
const DEAD_LETTERS_MAX: u32 = 1_000_000;
/// Most pages that one command requests; gaps in the sequence make short pages.
const PAGES_MAX: u32 = 10_000;
/// Failures printed as text; --json has more.
const PRINTED_MAX: usize = 20;
/// Most failures kept.
const FAILED_MAX: usize = 1_000;

/// Redrive dead letters: publish them again, in the same trace. Selecting several asks for confirmation
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["seq", "reason", "stage", "all"]))]
pub(crate) struct RedriveDeadLetters {
    /// Sequence number of one dead letter
    #[arg(conflicts_with_all = ["reason", "stage", "all", "limit"])]
    seq: Option<u64>,
    /// All dead letters with this reason, such as attempts_used_up
    #[arg(long, value_name = "REASON", value_parser = DEAD_LETTERS.to_vec())]
    reason: Option<String>,
    /// All dead letters of this stage
    #[arg(long, value_name = "STAGE", value_parser = stage)]
    stage: Option<Stage>,
    /// All dead letters
    #[arg(long, conflicts_with_all = ["reason", "stage"])]
    all: bool,
    /// Maximum number of dead letters, oldest first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(DEAD_LETTERS_MAX)))]
    limit: Option<u32>,
    #[command(flatten)]
    confirm: ConfirmArgs,
    /// Print the response of the gateway as JSON, with all pages added up
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl RedriveDeadLetters {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let gateway = self.lab.gateway()?;
        if let Some(seq) = self.seq {
            let redriven = gateway.redrive(seq).await?;
            print(&if self.json { format!("{}\n", json!(redriven)) } else { words(&redriven) });
            return Ok(Exit::Success);
        }
        if !self.confirm.ask(&self.question())? {
            return Ok(Exit::Failed);
        }
        let total = self.many(&gateway).await?;
        print(&if self.json { format!("{:#}\n", json!(total)) } else { summary(&total) });
        Ok(if total.failed.is_empty() { Exit::Success } else { Exit::Failed })
    }

    fn question(&self) -> String {
        let mut which = match self.limit {
            Some(limit) => format!("up to {limit} dead letters"),
            None => "all dead letters".to_owned(),
        };
        if let Some(stage) = self.stage {
            let _ = write!(which, " of stage {stage}");
        }
        if let Some(reason) = &self.reason {
            let _ = write!(which, " with reason {reason}");
        }
        format!("Redrive {which}?")
    }

    /// Redrives page by page, up to the limit or the last dead letter.
    async fn many(&self, gateway: &GatewayClient) -> anyhow::Result<RedrivenMany> {
        let mut total = RedrivenMany { redriven: 0, failed: Vec::new(), next_cursor: None };
        for _ in 0..PAGES_MAX {
            let left = self.limit.unwrap_or(DEAD_LETTERS_MAX).saturating_sub(total.redriven);
            if left == 0 {
                break;
            }
            let page = gateway
                .redrive_many(&RedriveMany {
                    stage: self.stage,
                    reason: self.reason.clone(),
                    limit: Some(left.min(REDRIVE_LIMIT_MAX)),
                    cursor: total.next_cursor.clone(),
                })
                .await;
            let page = match page {
                Ok(page) => page,
                Err(error) if total.redriven > 0 => {
                    bail!("{error}; {} dead letters were already redriven", total.redriven)
                }
                Err(error) => return Err(error.into()),
            };
            total.redriven = total.redriven.saturating_add(page.redriven);
            let room = FAILED_MAX.saturating_sub(total.failed.len());
            total.failed.extend(page.failed.into_iter().take(room));
            total.next_cursor = page.next_cursor;
            if total.next_cursor.is_none() {
                break;
            }
        }
        Ok(total)
    }
}

fn words(redriven: &Redriven) -> String {
    let job = redriven.job.map_or(String::new(), |job| format!(", job {job}"));
    let round = redriven.round.map_or(String::new(), |round| format!(", round {round}"));
    let done = format!("dead letter {} redriven", redriven.seq);
    format!("{} to {}{job}{round}\n", styled(GOOD, &done), redriven.stage)
}

fn summary(total: &RedrivenMany) -> String {
    let plural = if total.redriven == 1 { "" } else { "s" };
    let mut text = format!("{} dead letter{plural} redriven\n", total.redriven);
    for RedriveFailure { seq, detail, .. } in total.failed.iter().take(PRINTED_MAX) {
        let _ =
            writeln!(text, "{} {}", styled(BAD, &format!("{seq} not redriven:")), clean(detail));
    }
    if total.failed.len() > PRINTED_MAX {
        let _ = writeln!(text, "… and {} more", total.failed.len() - PRINTED_MAX);
    }
    text
}
