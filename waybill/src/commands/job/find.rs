//! Which job is meant: by its id, the end of its id, or as the newest.

use anyhow::bail;
use contract::{
    JobId,
    api::{JobView, LIST_LIMIT_MAX},
};

use crate::{
    client::{Gateway, JobFilter},
    exit::UsageError,
};

/// Says the newest job.
const LAST: &str = "last";
/// Fewer digits of an id than this are no id.
const DIGITS_MIN: usize = 4;

/// One job.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Which {
    /// Its id, the last digits of the id of one of the newest 500 jobs, or `last` for the newest job
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
