//! `GET /v1/jobs`: lists jobs, newest first.

use std::sync::Arc;

use axum::{Json, extract::State, http::Uri};
use contract::{
    JobId, JobSource,
    api::{JobList, JobSources, JobView},
    job::JobKind,
    state::JobState,
    topology::{ACK_WAIT, PROCESSOR},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jobs::records::{Entry, RecordError, Records};
use tokio::time::timeout;

use super::READ_TIMEOUT;
use crate::{
    app::App,
    error::ApiError,
    index::{Filter, Page, overdue::Overdue},
    query::{CURSOR, LIMIT, Query, one_of},
};

/// Parameter: only jobs in this state.
const STATE: &str = "state";
/// Parameter: only stuck jobs.
const STUCK: &str = "stuck";
/// Parameter: only jobs of this kind.
const KIND: &str = "kind";
/// Parameter: only jobs of this source.
const SOURCE: &str = "source";
/// Value of [`SOURCE`]: jobs of every source.
const ALL: &str = "all";
/// Records of a page that are read at the same time.
const READS_MAX: usize = 32;

/// List jobs, the newest first.
///
/// The list covers the newest 100,000 jobs. A page may hold fewer than `limit` and still have a `next_cursor`.
#[utoipa::path(
    get,
    path = "/v1/jobs",
    tag = "jobs",
    operation_id = "list_jobs",
    params(
        ("state" = Option<JobState>, Query, description = "Only jobs in this state."),
        ("kind" = Option<JobKind>, Query, description = "Only jobs of this kind."),
        ("source" = Option<JobSources>, Query, description = "Only jobs of this source; `client` if absent, which omits the lab's own small jobs."),
        ("stuck" = Option<bool>, Query, description = "`true`: only stuck jobs: past their deadline, or running on a worker that is silent. Oldest first, on one page."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Jobs on a page; 50 if absent."),
        ("cursor" = Option<JobId>, Query, description = "The `next_cursor` of the previous page."),
    ),
    responses((status = 200, description = "A page of jobs.", body = JobList)),
)]
pub(crate) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<JobList>, ApiError> {
    let query = Query::read(&uri, &[STATE, KIND, SOURCE, STUCK, LIMIT, CURSOR])?;
    let is_stuck =
        query.get(STUCK, |text| text.parse::<bool>().ok(), "true or false")? == Some(true);
    let filter = Filter {
        state: query.get(STATE, state_named, &one_of(JobState::ALL.map(JobState::name)))?,
        kind: query.get(KIND, kind_named, &one_of(JobKind::all().map(JobKind::name)))?,
        source: match query.get(SOURCE, source_named, "one of client, trickle, canary, all")? {
            Some(Sources::All) => None,
            Some(Sources::One(source)) => Some(source),
            None if is_stuck => None,
            None => Some(JobSource::Client),
        },
    };
    let cursor = |text: &str| text.parse::<JobId>().ok();
    let before = query.get(CURSOR, cursor, "the next_cursor of the previous page")?;
    let limit = query.limit()?;
    let broker = app.broker()?;
    let page = if is_stuck {
        stuck_jobs(&app, limit).await?
    } else {
        app.index.page(&filter, before, limit)?
    };
    let records = timeout(READ_TIMEOUT, read(&broker.jobs.records, page.jobs)).await;
    let records =
        records.map_err(|_| ApiError::broker_away("timed out reading the records of a page"))??;
    // A record may have changed since the index was read: filter again.
    let wanted = |entry: &Entry| {
        let record = &entry.record;
        filter.matches(record.state, record.kind, record.source)
    };
    let jobs = records.into_iter().filter(wanted).map(|entry| {
        let mut view = JobView::of(entry.record.clone(), None);
        app.leases.describe(&mut view, &entry, &broker.jobs.bus, &app.index);
        view
    });
    let jobs = jobs.collect();
    Ok(Json(JobList { jobs, next_cursor: page.next.map(|job| job.to_string()) }))
}

/// Stuck jobs, oldest first.
async fn stuck_jobs(app: &App, limit: usize) -> Result<Page, ApiError> {
    // Returns the error of an index that is still reading.
    app.index.page(&Filter::default(), None, 0)?;
    let nats = &app.broker()?.jobs.bus.nats;
    let ack_wait = timeout(READ_TIMEOUT, nats.ack_wait(PROCESSOR)).await.ok().and_then(Result::ok);
    let limits = Overdue::at(nats.time.now_ms(), ack_wait.unwrap_or(ACK_WAIT));
    let jobs = app.index.stuck(&limits, limit).into_iter().map(|seen| seen.job).collect();
    Ok(Page { jobs, next: None })
}

/// The records of `jobs`, in their order, without those that are gone or cannot be read.
async fn read(records: &Records, jobs: Vec<JobId>) -> Result<Vec<Entry>, ApiError> {
    let reads = jobs.into_iter().map(|job| records.load(job));
    let found = stream::iter(reads).buffered(READS_MAX).map(|entry| match entry {
        Ok(entry) => Ok(entry),
        Err(RecordError::Unreadable { job, cause, .. }) => {
            tracing::debug!(job_id = %job, %cause, "omit unreadable record from list");
            Ok(None)
        }
        Err(error) => Err(ApiError::record(error)),
    });
    found.try_filter_map(async |record| Ok(record)).try_collect().await
}

/// Which sources are listed.
enum Sources {
    One(JobSource),
    All,
}

fn source_named(name: &str) -> Option<Sources> {
    if name == ALL { Some(Sources::All) } else { name.parse().ok().map(Sources::One) }
}

fn state_named(name: &str) -> Option<JobState> {
    JobState::ALL.into_iter().find(|state| state.name() == name)
}

fn kind_named(name: &str) -> Option<JobKind> {
    JobKind::all().find(|kind| kind.name() == name)
}
