//! `waybill dead list`: the newest dead letters.

use client::DeadLetterFilter;
use contract::{
    Stage,
    api::{DeadLetterView, LIST_LIMIT_MAX},
    signals::reason::DEAD_LETTERS,
};
use serde_json::json;

use super::stage;
use crate::{
    exit::Exit,
    lab_args::LabArgs,
    terminal::{self, BAD, DIM, clean, fit, print, styled},
};

/// Default limit: one screen.
const LIMIT_DEFAULT: u16 = 20;
/// Columns before the detail.
const BEFORE_DETAIL: usize = 84;
/// Fewest columns of a detail.
const DETAIL_MIN: usize = 12;
/// Last digits of a job's id that are shown: enough for `waybill job show`.
const JOB_DIGITS: usize = 12;

/// List the newest dead letters
#[derive(Debug, clap::Args)]
pub(crate) struct ListDeadLetters {
    /// Only dead letters of this stage
    #[arg(long, value_name = "STAGE", value_parser = stage)]
    stage: Option<Stage>,
    /// Only dead letters with this reason
    #[arg(long, value_name = "REASON", value_parser = DEAD_LETTERS.to_vec())]
    reason: Option<String>,
    /// Maximum number of dead letters
    #[arg(
        long,
        value_name = "N",
        default_value_t = LIMIT_DEFAULT,
        value_parser = clap::value_parser!(u16).range(1..=i64::try_from(LIST_LIMIT_MAX).unwrap_or(500))
    )]
    limit: u16,
    /// Continue after the previous page: its `next_cursor`
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Print the response of the gateway as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl ListDeadLetters {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let gateway = self.lab.gateway()?;
        let (stage, reason, cursor) = (self.stage, self.reason, self.cursor);
        let filter = DeadLetterFilter { stage, reason, limit: usize::from(self.limit), cursor };
        let list = gateway.dead_letters(&filter).await?;
        if self.json {
            print(&format!("{:#}\n", json!(list)));
        } else if list.dead_letters.is_empty() {
            print("no dead letters\n");
        } else {
            let room = terminal::columns().saturating_sub(BEFORE_DETAIL).max(DETAIL_MIN);
            let rows: String = list.dead_letters.iter().map(|one| row(one, room)).collect();
            print(&format!("{}\n{rows}", styled(DIM, &head())));
            if let Some(cursor) = &list.next_cursor {
                print(&styled(DIM, &format!("more: --cursor {}\n", clean(cursor))));
            }
        }
        Ok(Exit::Success)
    }
}

fn head() -> String {
    let when = fit("DIED", 19);
    format!(
        "{:>7} {when} {:<9} {:<22} {:>8} {:<12}  DETAIL",
        "SEQ", "STAGE", "REASON", "ATTEMPTS", "JOB"
    )
}

fn row(dead_letter: &DeadLetterView, room: usize) -> String {
    let job = dead_letter.job.map_or("-".to_owned(), |job| job.to_string());
    let job = &job[job.len().saturating_sub(JOB_DIGITS)..];
    let line = format!(
        "{:>7} {} {} {} {:>8} {job:<12}  {}",
        dead_letter.seq,
        fit(&when(dead_letter), 19),
        fit(&dead_letter.stage, 9),
        styled(BAD, &fit(&dead_letter.reason, 22)),
        dead_letter.attempts,
        fit(&dead_letter.detail, room),
    );
    format!("{}\n", line.trim_end())
}

/// `2026-11-21 09:24:05` of an RFC 3339 time; it is UTC.
fn when(dead_letter: &DeadLetterView) -> String {
    dead_letter.dead_at.get(..19).unwrap_or(&dead_letter.dead_at).replace('T', " ")
}
