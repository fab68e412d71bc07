//! Keeps the index up to date: reads the bucket of records once, then follows its changes.
//!
//! It is read again after a reconnect, or if the bucket was emptied: removals in between cause no event.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use async_nats::{
    Client,
    connection::State,
    jetstream::kv::{Entry, Operation},
};
use contract::{
    JobId, JobSource,
    job::JobKind,
    record::{JobRecord, RECORD_BYTES_MAX, RECORD_VERSION, Unreadable},
    signals,
    state::JobState,
};
use futures_util::StreamExt as _;
use jobs::Jobs;
use runtime::{backoff::Backoff, stop::Stop};
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{
    Index,
    expiring::Expiring,
    job_table::{JobTable, Known},
    overdue::{Due, Mark},
};

/// Time between two checks of the connection; also the age of the gauges.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// Delay after the first failure; it doubles.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(100);
/// Longest delay between two tries.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);
/// The bucket counts as read after this time without an entry, even if the last entry was never received: it may
/// have expired meanwhile.
const QUIET: Duration = Duration::from_secs(1);

/// Keeps `index` up to date until the stop.
pub(crate) async fn keep(index: &Index, jobs: &Jobs, stop: &Stop) {
    let follower = Follower { index, jobs, client: jobs.bus.nats.jetstream.client() };
    let keep = async {
        let mut backoff = Backoff::new(RETRY_DELAY_MIN, RETRY_DELAY_MAX);
        loop {
            match follower.follow().await {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    tracing::warn!(error = %format!("{error:#}"), "watch job records failed; rebuilding the index");
                    sleep(backoff.next_delay()).await;
                }
            }
            index.set_caught_up(false);
        }
    };
    stop.soft.run_until_cancelled(keep).await;
}

/// The fields of a record that the index keeps.
#[derive(Deserialize)]
struct RecordFields {
    id: JobId,
    #[serde(default)]
    version: u32,
    state: JobState,
    kind: JobKind,
    #[serde(default)]
    source: JobSource,
    #[serde(default)]
    deadline_at_ms: Option<i64>,
    #[serde(default)]
    cancel_requested: bool,
    #[serde(rename = "told", default)]
    completion_published: bool,
    #[serde(default)]
    failure: Option<FailureFields>,
}

/// The part of a failure that the index keeps.
#[derive(Deserialize)]
struct FailureFields {
    #[serde(default)]
    reason: String,
}

struct Follower<'a> {
    index: &'a Index,
    jobs: &'a Jobs,
    client: Client,
}

/// The progress of a watch.
struct Progress {
    /// The index being read; `None` once it is in use.
    filling: Option<JobTable>,
    expiring: Expiring,
    last_entry: Instant,
}

impl Follower<'_> {
    /// Follows the bucket until a reconnect, or until the index is outdated.
    async fn follow(&self) -> anyhow::Result<()> {
        while !self.is_connected() {
            sleep(CHECK_INTERVAL).await;
        }
        let connects = self.connects();
        self.index.revision.store(0, Relaxed);
        self.index.outdated.store(false, Relaxed);
        let bucket = self.jobs.records.bucket();
        let is_empty = bucket
            .stream
            .get_info()
            .await
            .context("cannot read the state of the bucket")?
            .state
            .messages
            == 0;
        let mut entries = bucket.watch_with_history(">").await.context("cannot open the watch")?;
        let mut progress = Progress {
            filling: Some(JobTable::default()),
            expiring: Expiring::default(),
            last_entry: Instant::now(),
        };
        if is_empty {
            self.use_filled(&mut progress);
        }
        let mut check = interval(CHECK_INTERVAL);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                entry = entries.next() => {
                    self.apply(&entry.context("the watch ended")??, &mut progress);
                }
                _ = check.tick() => {
                    if self.connects() != connects || self.index.outdated.load(Relaxed) {
                        return Ok(());
                    }
                    self.expire(&mut progress);
                    self.check(&mut progress);
                }
            }
        }
    }

    fn apply(&self, entry: &Entry, progress: &mut Progress) {
        progress.last_entry = Instant::now();
        self.index.revision.store(entry.revision, Relaxed);
        self.index.watchers.send(entry);
        self.change(progress, |jobs, expiring| note(jobs, expiring, entry));
        if entry.delta == 0 {
            self.use_filled(progress);
        }
    }

    fn check(&self, progress: &mut Progress) {
        let connected = self.is_connected();
        if connected && progress.last_entry.elapsed() >= QUIET {
            self.use_filled(progress);
        }
        self.index.set_caught_up(connected && progress.filling.is_none());
        self.export();
    }

    /// Removes jobs whose records have expired.
    fn expire(&self, progress: &mut Progress) {
        let now_ms = self.jobs.bus.nats.time.now_ms();
        self.change(progress, |jobs, expiring| {
            while let Some(ended) = expiring.expired(now_ms) {
                jobs.expire(ended);
            }
        });
    }

    /// Changes the index being read, or else the one in use.
    fn change(&self, progress: &mut Progress, change: impl FnOnce(&mut JobTable, &mut Expiring)) {
        let Progress { filling, expiring, .. } = progress;
        match filling {
            Some(jobs) => change(jobs, expiring),
            None => {
                if let Some(jobs) = &mut *self.index.jobs() {
                    change(jobs, expiring);
                }
            }
        }
    }

    /// Replaces the index in use by the one just read.
    fn use_filled(&self, progress: &mut Progress) {
        if let Some(jobs) = progress.filling.take() {
            *self.index.jobs() = Some(jobs);
            self.index.set_caught_up(true);
            self.export();
        }
    }

    fn export(&self) {
        if let Some(jobs) = &*self.index.jobs() {
            for (state, count) in jobs.by_state() {
                self.jobs.bus.service.metrics.set(&signals::JOBS, &[state.name()], count as f64);
            }
            let unreadable = jobs.unreadable() as f64;
            self.jobs.bus.service.metrics.set(&signals::RECORDS_UNREADABLE, &[], unreadable);
        }
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Number of connects so far: a short disconnect is visible only here.
    fn connects(&self) -> u64 {
        self.client.statistics().connects.load(Relaxed)
    }
}

fn note(jobs: &mut JobTable, expiring: &mut Expiring, entry: &Entry) {
    let Ok(job) = entry.key.parse::<JobId>() else {
        return;
    };
    let fields = match entry.operation {
        Operation::Put => Some(fields_of(job, &entry.value)),
        Operation::Delete | Operation::Purge => None,
    };
    match fields {
        Some(Ok(fields)) => {
            let RecordFields { state, kind, source, .. } = fields;
            let reason = fields.failure.as_ref().map_or("", |failure| failure.reason.as_str());
            let mark =
                Mark::of(state, reason, fields.cancel_requested, fields.completion_published);
            let due = Due::new(fields.deadline_at_ms, mark, entry.created.unix_timestamp());
            let written_ns = entry.created.unix_timestamp_nanos();
            expiring.note(job, state, written_ns);
            jobs.put(job, Known { state, kind, written_ns, source, due });
        }
        Some(Err(error)) => {
            if jobs.put_unreadable(job) {
                tracing::warn!(job_id = %job, %error, "cannot read job record");
            }
        }
        None => jobs.remove(job),
    }
}

/// Reads the fields that the index keeps, which are fewer than a service needs.
fn fields_of(job: JobId, value: &[u8]) -> Result<RecordFields, Unreadable> {
    let damaged = |why: String| Unreadable::Damaged(why);
    if let Ok(fields) = serde_json::from_slice::<RecordFields>(value)
        && fields.id == job
        && fields.version <= RECORD_VERSION
        && value.len() <= RECORD_BYTES_MAX
    {
        return Ok(fields);
    }
    // Parse the whole record for the exact error.
    match JobRecord::from_json(job, value) {
        Ok(_) => Err(damaged("the index cannot read its fields".into())),
        Err(error) => Err(error),
    }
}
