//! `waybill job list`: the newest jobs.

use client::JobFilter;
use contract::{
    api::{JobView, LIST_LIMIT_MAX},
    job::JobKind,
    state::JobState,
};
use serde_json::json;

use super::{
    blocked::short_reason,
    details::{between, state_style},
};
use crate::{
    exit::Exit,
    lab_args::LabArgs,
    terminal::{self, DIM, WARNING, clean, fit, print, styled, width},
};

/// Default limit: one screen.
const LIMIT_DEFAULT: u16 = 20;
/// Columns before the id.
const BEFORE_ID: usize = 50;
/// Columns of a whole id, and of its last digits, which are enough for `waybill job show`.
const ID_COLUMNS: (usize, usize) = (36, 12);
/// Fewest columns of a name.
const NAME_MIN: usize = 15;

/// List the newest jobs, without those that the lab itself submits
#[derive(Debug, clap::Args)]
pub(crate) struct ListJobs {
    /// Only jobs in this state
    #[arg(long, value_name = "STATE", value_parser = state_names())]
    state: Option<String>,
    /// Only jobs of this kind
    #[arg(long, value_name = "KIND", value_parser = kind_names())]
    kind: Option<String>,
    /// Include the jobs that the lab itself submits (trickle and canary)
    #[arg(long)]
    all: bool,
    /// Maximum number of jobs
    #[arg(
        long,
        value_name = "N",
        default_value_t = LIMIT_DEFAULT,
        value_parser = clap::value_parser!(u16).range(1..=i64::try_from(LIST_LIMIT_MAX).unwrap_or(500))
    )]
    limit: u16,
    /// Print the response of the gateway as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl ListJobs {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let limit = usize::from(self.limit);
        let source = self.all.then_some("all");
        let filter = JobFilter { state: self.state, kind: self.kind, source, limit, cursor: None };
        let list = self.lab.gateway()?.jobs(&filter).await?;
        if self.json {
            print(&format!("{:#}\n", json!(list)));
        } else if list.jobs.is_empty() {
            let hint =
                if self.all { "" } else { " (--all includes those that the lab itself submits)" };
            print(&format!("no matching jobs{hint}\n"));
        } else {
            let columns = terminal::columns();
            let rows: String = list.jobs.iter().map(|job| row(job, columns)).collect();
            print(&format!("{}\n{rows}", styled(DIM, &head(columns))));
        }
        Ok(Exit::Success)
    }
}

fn id_columns(columns: usize) -> usize {
    let (whole, end) = ID_COLUMNS;
    if columns >= BEFORE_ID + whole + 2 + NAME_MIN { whole } else { end }
}

fn head(columns: usize) -> String {
    let id = fit("ID", id_columns(columns));
    format!(
        "{:<9} {:<9} {:<9} {:>8} {:>8}  {id}  NAME",
        "ACCEPTED", "STATE", "KIND", "ATTEMPTS", "TOOK"
    )
}

fn row(job: &JobView, columns: usize) -> String {
    let times = &job.times;
    let took = times.finished_ms.map_or(String::new(), |end| between(times.accepted_ms, end));
    let shown = id_columns(columns);
    let id = job.id.to_string();
    let id = &id[id.len().saturating_sub(shown)..];
    let name = clean(&job.name);
    let note = short_reason(job).map_or(String::new(), |note| format!("  {note}"));
    let room = columns.saturating_sub(BEFORE_ID + shown + 2).max(NAME_MIN);
    let name = fit(&name, room.saturating_sub(width(&note)).max(NAME_MIN.min(width(&name))));
    format!(
        "{} {} {} {:>8} {took:>8}  {id}  {}{}\n",
        fit(clock_time(&job.accepted_at), 9),
        styled(state_style(job.state), &fit(job.state.name(), 9)),
        fit(job.kind.name(), 9),
        format!("{}/{}", job.attempts, job.attempts_max),
        name.trim_end(),
        styled(WARNING, &note)
    )
}

/// The time of day in `2026-11-21T09:24:05.123Z`; it is UTC.
fn clock_time(rfc3339: &str) -> &str {
    rfc3339.get(11..19).unwrap_or("?")
}

fn state_names() -> Vec<&'static str> {
    JobState::ALL.map(JobState::name).to_vec()
}

fn kind_names() -> Vec<&'static str> {
    JobKind::all().map(JobKind::name).collect()
}
