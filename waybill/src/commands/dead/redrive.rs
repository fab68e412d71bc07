//! `waybill dead redrive`: sends dead letters on their way again.

use std::fmt::Write as _;

use anyhow::bail;
use contract::{
    Stage,
    api::{REDRIVE_LIMIT_MAX, RedriveFailure, RedriveMany, Redriven, RedrivenMany},
    signals::reason::DEAD_LETTERS,
};
use serde_json::json;

use super::{confirm::Confirm, stage};
use crate::{
    client::Gateway,
    exit::Exit,
    lab_args::LabArgs,
    terminal::{BAD, GOOD, clean, print, styled},
};

/// Most letters of one command.
const LETTERS_MAX: u32 = 1_000_000;
/// Most pages of one command; gaps make pages that hold little.
const PAGES_MAX: u32 = 10_000;
/// Failures told to people; --json has more.
const TOLD_MAX: usize = 20;
/// Failures kept.
const FAILED_MAX: usize = 1_000;

/// Send dead letters on their way again; their traces go on. Asks before it takes many
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["seq", "reason", "stage", "all"]))]
pub(crate) struct Redrive {
    /// The place of one letter in the list
    #[arg(conflicts_with_all = ["reason", "stage", "all", "limit"])]
    seq: Option<u64>,
    /// Every letter with this reason, such as attempts_used_up
    #[arg(long, value_name = "REASON", value_parser = DEAD_LETTERS.to_vec())]
    reason: Option<String>,
    /// Every letter of this stage
    #[arg(long, value_name = "STAGE", value_parser = stage)]
    stage: Option<Stage>,
    /// Every letter
    #[arg(long, conflicts_with_all = ["reason", "stage"])]
    all: bool,
    /// At most so many, the oldest first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(LETTERS_MAX)))]
    limit: Option<u32>,
    #[command(flatten)]
    confirm: Confirm,
    /// Print JSON: what the gateway answered, pages added up
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl Redrive {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let gateway = self.lab.gateway()?;
        if let Some(seq) = self.seq {
            let redriven = gateway.redrive(seq).await?;
            print(&if self.json { format!("{}\n", json!(redriven)) } else { words(&redriven) });
            return Ok(Exit::Done);
        }
        if !self.confirm.ask(&self.question())? {
            return Ok(Exit::Failed);
        }
        let total = self.many(&gateway).await?;
        print(&if self.json { format!("{:#}\n", json!(total)) } else { summary(&total) });
        Ok(if total.failed.is_empty() { Exit::Done } else { Exit::Failed })
    }

    fn question(&self) -> String {
        let mut which = match self.limit {
            Some(limit) => format!("up to {limit} dead letters"),
            None => "every dead letter".to_owned(),
        };
        if let Some(stage) = self.stage {
            let _ = write!(which, " of stage {stage}");
        }
        if let Some(reason) = &self.reason {
            let _ = write!(which, " with reason {reason}");
        }
        format!("Send {which} on their way again?")
    }

    /// Page by page, until the limit or the last letter.
    async fn many(&self, gateway: &Gateway) -> anyhow::Result<RedrivenMany> {
        let mut total = RedrivenMany { redriven: 0, failed: Vec::new(), next_cursor: None };
        for _ in 0..PAGES_MAX {
            let left = self.limit.unwrap_or(LETTERS_MAX).saturating_sub(total.redriven);
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
                    bail!("{error}; {} letters are on their way already", total.redriven)
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
    let round = redriven.round.map_or(String::new(), |round| format!(" in round {round}"));
    let told = format!("letter {} is on its way again", redriven.seq);
    format!("{}, to {}{job}{round}\n", styled(GOOD, &told), redriven.stage)
}

fn summary(total: &RedrivenMany) -> String {
    let plural = if total.redriven == 1 { "letter is" } else { "letters are" };
    let mut text = format!("{} {plural} on the way again\n", total.redriven);
    for RedriveFailure { seq, detail, .. } in total.failed.iter().take(TOLD_MAX) {
        let _ = writeln!(text, "{} {}", styled(BAD, &format!("{seq} is not:")), clean(detail));
    }
    if total.failed.len() > TOLD_MAX {
        let _ = writeln!(text, "… and {} more", total.failed.len() - TOLD_MAX);
    }
    text
}
