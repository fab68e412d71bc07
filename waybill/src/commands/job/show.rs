//! `waybill job show`: one job, by its id, the end of its id, or as the newest.

use anyhow::bail;
use contract::{
    JobId,
    api::{JobView, LIST_LIMIT_MAX},
};

use super::{
    details,
    follow::{Follow, ended, exit},
    picture::Picture,
};
use crate::{
    client::{Gateway, JobFilter},
    exit::{Exit, UsageError},
    lab_args::LabArgs,
};

/// Says the newest job.
const LAST: &str = "last";
/// Fewer digits of an id than this are no id.
const DIGITS_MIN: usize = 4;

/// Show one job, and its trace if asked to
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// Its id, the last digits of the id of one of the newest 500 jobs, or `last` for the newest job
    #[arg(value_name = "ID|last")]
    id: String,
    #[command(flatten)]
    follow: Follow,
    #[command(flatten)]
    picture: Picture,
    /// Print JSON: the job as the gateway answered, with --trace its spans in `trace`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl Show {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let (gateway, console) = (self.lab.gateway()?, self.lab.console()?);
        let id = find(&gateway, &self.id).await?;
        let mut job = gateway.job(id).await?;
        if self.follow.wait && !job.state.is_terminal() {
            job = match ended(&gateway, id, self.follow.limit()).await? {
                Some(end) => end,
                None => gateway.job(id).await?,
            };
        }
        let trace = self.picture.of(&job, &console).await?;
        details::show(&job, &console, trace.as_ref(), self.json)?;
        match self.follow.wait {
            false => Ok(Exit::Done),
            true if job.state.is_terminal() => Ok(exit(&job)),
            true => Ok(self.follow.time_up(&job)),
        }
    }
}

async fn find(gateway: &Gateway, wanted: &str) -> anyhow::Result<JobId> {
    if let Ok(id) = wanted.parse() {
        return Ok(id);
    }
    let is_end = wanted.len() >= DIGITS_MIN
        && wanted.bytes().all(|digit| digit.is_ascii_hexdigit() || digit == b'-');
    if wanted != LAST && !is_end {
        let advice = format!(
            "`{wanted}` is no job id, nor the end of one ({DIGITS_MIN} digits or more), nor `{LAST}`"
        );
        return Err(UsageError(advice).into());
    }
    let limit = if wanted == LAST { 1 } else { LIST_LIMIT_MAX };
    let newest = gateway.jobs(&JobFilter { limit, ..JobFilter::default() }).await?.jobs;
    let ends_so = |job: &&JobView| {
        wanted == LAST || job.id.to_string().ends_with(&wanted.to_ascii_lowercase())
    };
    let found: Vec<&JobView> = newest.iter().filter(ends_so).collect();
    match *found.as_slice() {
        [only] => Ok(only.id),
        [] if wanted == LAST => bail!("there is no job yet: hand one in with `waybill job submit`"),
        [] => bail!("none of the newest {limit} jobs has an id that ends in {wanted}"),
        _ => bail!(
            "{} of the newest jobs have an id that ends in {wanted}: give more digits",
            found.len()
        ),
    }
}
