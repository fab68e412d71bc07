//! Which job is meant: by its id, the end of its id, or as the one that this user submitted last.

use anyhow::bail;
use contract::{
    JobId,
    api::{JobView, LIST_LIMIT_MAX},
};

use crate::{
    client::{ClientError, Gateway, JobFilter},
    exit::UsageError,
};

/// Says the job that this user submitted last.
const LAST: &str = "last";
/// Fewer digits of an id than this are no id.
const DIGITS_MIN: usize = 4;

/// One job.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Which {
    /// Its id, the last digits of the id of one of the newest 500 jobs, or `last` for the one you submitted last
    #[arg(value_name = "ID|last")]
    id: String,
}

impl Which {
    /// The job's id; the gateway is asked where it is not told in full.
    pub(crate) async fn find(&self, gateway: &Gateway) -> anyhow::Result<JobId> {
        find(gateway, &self.id).await
    }
}

/// The job that `wanted` means.
pub(crate) async fn find(gateway: &Gateway, wanted: &str) -> anyhow::Result<JobId> {
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
    if wanted == LAST {
        return last(gateway).await;
    }
    let every = JobFilter { limit: LIST_LIMIT_MAX, source: Some("all"), ..JobFilter::default() };
    let newest = gateway.jobs(&every).await?.jobs;
    let ends_so = |job: &&JobView| job.id.to_string().ends_with(&wanted.to_ascii_lowercase());
    let found: Vec<&JobView> = newest.iter().filter(ends_so).collect();
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
async fn last(gateway: &Gateway) -> anyhow::Result<JobId> {
    let advice = "submit a job with `waybill job submit`, or name one of `waybill job list`";
    let url = gateway.url();
    let Some(id) = crate::last::of(url)? else {
        // Where there is no lab, that is what is to be said.
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
