//! Selects a job by its id, the last digits of its id, or as the one that this user submitted last.

use anyhow::bail;
use client::{ClientError, GatewayClient, JobFilter};
use contract::{
    JobId,
    api::{JobView, LIST_LIMIT_MAX},
};

use crate::exit::UsageError;

/// Stands for the job that this user submitted last.
const LAST: &str = "last";
/// Fewest last digits of an id that are accepted.
const DIGITS_MIN: usize = 4;

/// One job.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct JobSelector {
    /// The id of the job, the last digits of it (newest 500 jobs only), or `last` for the job you submitted last
    #[arg(value_name = "ID|last")]
    id: String,
}

impl JobSelector {
    /// The id of the job; queries the gateway unless the id is complete.
    pub(crate) async fn find(&self, gateway: &GatewayClient) -> anyhow::Result<JobId> {
        find(gateway, &self.id).await
    }
}

/// Finds the job that `wanted` refers to.
pub(crate) async fn find(gateway: &GatewayClient, wanted: &str) -> anyhow::Result<JobId> {
    if let Ok(id) = wanted.parse() {
        return Ok(id);
    }
    let is_end = wanted.len() >= DIGITS_MIN
        && wanted.bytes().all(|digit| digit.is_ascii_hexdigit() || digit == b'-');
    if wanted != LAST && !is_end {
        let why = format!(
            "`{wanted}` is not a job id: give the whole id, its last {DIGITS_MIN} or more digits, or `{LAST}`"
        );
        return Err(UsageError(why).into());
    }
    if wanted == LAST {
        return last(gateway).await;
    }
    let every = JobFilter { limit: LIST_LIMIT_MAX, source: Some("all"), ..JobFilter::default() };
    let newest = gateway.jobs(&every).await?.jobs;
    let matches = |job: &&JobView| job.id.to_string().ends_with(&wanted.to_ascii_lowercase());
    let found: Vec<&JobView> = newest.iter().filter(matches).collect();
    match *found.as_slice() {
        [only] => Ok(only.id),
        [] => bail!("none of the newest {LIST_LIMIT_MAX} jobs has an id that ends in {wanted}"),
        _ => bail!(
            "{} of the newest jobs have an id that ends in {wanted}: give more digits",
            found.len()
        ),
    }
}

/// The job that this user submitted to this lab last.
async fn last(gateway: &GatewayClient) -> anyhow::Result<JobId> {
    let advice = "submit one with `waybill job submit`, or choose one from `waybill job list`";
    let url = gateway.url();
    let Some(id) = crate::last_job::of(url)? else {
        // If the lab is unreachable, report that instead.
        gateway.jobs(&JobFilter { limit: 1, ..JobFilter::default() }).await?;
        bail!("you have submitted no job to the lab at {url} yet: {advice}");
    };
    match gateway.job(id).await {
        Ok(_) => Ok(id),
        Err(ClientError::Refused { status: 404, .. }) => {
            bail!("the lab at {url} does not know the job that you submitted last, {id}: {advice}")
        }
        Err(error) => Err(error.into()),
    }
}
