//! Keeps the index up to date: reads the bucket of records once, then follows its changes.
//!
//! After the connection was lost, or the bucket emptied, it is read anew: what went away meanwhile tells nobody.

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
use bus::Bus;
use contract::{
    JobId, JobSource,
    job::JobKind,
    record::{JobRecord, RECORD_BYTES_MAX, RECORD_VERSION, Unreadable},
    signals,
    state::JobState,
};
use futures_util::StreamExt as _;
use runtime::stop::Stop;
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{
    Index,
    expiring::Expiring,
    jobs::{Jobs, Known},
    overdue::{Due, Mark},
};

/// Time between two looks at the connection; also how old the gauges may be.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Pause after the first failure; it doubles.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A bucket is read when nothing came for this long, even if the last entry was never seen: it may
/// have expired while the others were read.
const QUIET: Duration = Duration::from_secs(1);

/// Keeps `index` up to date until the stop.
pub(crate) async fn keep(index: &Index, bus: &Bus, stop: &Stop) {
    let follower = Follower { index, bus, client: bus.jetstream.client() };
    let keep = async {
        let mut pause = PAUSE_MIN;
        loop {
            match follower.follow().await {
                Ok(()) => pause = PAUSE_MIN,
                Err(error) => {
                    tracing::warn!(error = %format!("{error:#}"), "the index lost its watch");
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
            index.set_caught_up(false);
        }
    };
    stop.soft.run_until_cancelled(keep).await;
}

/// The parts of a record that the index knows.
#[derive(Deserialize)]
struct Seen {
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
    failure: Option<Why>,
}

/// Why a job is where it is, as far as the index knows.
#[derive(Deserialize)]
struct Why {
    #[serde(default)]
    reason: String,
}

struct Follower<'a> {
    index: &'a Index,
    bus: &'a Bus,
    client: Client,
}

/// Where one watch stands.
struct Progress {
    /// The index as it is read anew; none once it is in use.
    filling: Option<Jobs>,
    expiring: Expiring,
    last_entry: Instant,
}

impl Follower<'_> {
    /// Follows the bucket until the connection was lost and is there again, or the index is found to be outdated.
    async fn follow(&self) -> anyhow::Result<()> {
        while !self.is_connected() {
            sleep(LOOK_EVERY).await;
        }
        let connects = self.connects();
        self.index.revision.store(0, Relaxed);
        self.index.outdated.store(false, Relaxed);
        let bucket = self.bus.records.bucket();
        let is_empty =
            bucket.stream.get_info().await.context("asking for the bucket")?.state.messages == 0;
        let mut entries = bucket.watch_with_history(">").await.context("opening the watch")?;
        let mut progress = Progress {
            filling: Some(Jobs::default()),
            expiring: Expiring::default(),
            last_entry: Instant::now(),
        };
        if is_empty {
            self.use_filled(&mut progress);
        }
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                entry = entries.next() => {
                    self.apply(&entry.context("the watch ended")??, &mut progress);
                }
                _ = look.tick() => {
                    if self.connects() != connects || self.index.outdated.load(Relaxed) {
                        return Ok(());
                    }
                    self.expire(&mut progress);
                    self.look(&mut progress);
                }
            }
        }
    }

    fn apply(&self, entry: &Entry, progress: &mut Progress) {
        progress.last_entry = Instant::now();
        self.index.revision.store(entry.revision, Relaxed);
        self.index.watchers.tell(entry);
        self.change(progress, |jobs, expiring| note(jobs, expiring, entry));
        if entry.delta == 0 {
            self.use_filled(progress);
        }
    }

    fn look(&self, progress: &mut Progress) {
        let connected = self.is_connected();
        if connected && progress.last_entry.elapsed() >= QUIET {
            self.use_filled(progress);
        }
        self.index.set_caught_up(connected && progress.filling.is_none());
        self.show();
    }

    /// Forgets the jobs whose records expire now.
    fn expire(&self, progress: &mut Progress) {
        let now_ms = self.bus.time.now_ms();
        self.change(progress, |jobs, expiring| {
            while let Some(ended) = expiring.expired(now_ms) {
                jobs.expire(ended);
            }
        });
    }

    /// Changes the index that is being read, or the one in use.
    fn change(&self, progress: &mut Progress, change: impl FnOnce(&mut Jobs, &mut Expiring)) {
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

    /// Puts an index that was read anew in the place of the old one.
    fn use_filled(&self, progress: &mut Progress) {
        if let Some(jobs) = progress.filling.take() {
            *self.index.jobs() = Some(jobs);
            self.index.set_caught_up(true);
            self.show();
        }
    }

    fn show(&self) {
        if let Some(jobs) = &*self.index.jobs() {
            for (state, count) in jobs.by_state() {
                self.bus.service.metrics.set(&signals::JOBS, &[state.name()], count as f64);
            }
            let unreadable = jobs.unreadable() as f64;
            self.bus.service.metrics.set(&signals::RECORDS_UNREADABLE, &[], unreadable);
        }
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// How often the connection was made: a short loss shows only here.
    fn connects(&self) -> u64 {
        self.client.statistics().connects.load(Relaxed)
    }
}

fn note(jobs: &mut Jobs, expiring: &mut Expiring, entry: &Entry) {
    let Ok(job) = entry.key.parse::<JobId>() else {
        return;
    };
    let seen = match entry.operation {
        Operation::Put => Some(seen(job, &entry.value)),
        Operation::Delete | Operation::Purge => None,
    };
    match seen {
        Some(Ok(seen)) => {
            let Seen { state, kind, source, .. } = seen;
            let reason = seen.failure.as_ref().map_or("", |why| why.reason.as_str());
            let mark = Mark::of(state, reason, seen.cancel_requested, seen.completion_published);
            let due = Due::new(seen.deadline_at_ms, mark, entry.created.unix_timestamp());
            let written_ns = entry.created.unix_timestamp_nanos();
            expiring.note(job, state, written_ns);
            jobs.put(job, Known { state, kind, written_ns, source, due });
        }
        Some(Err(error)) => {
            if jobs.put_unreadable(job) {
                tracing::warn!(job_id = %job, %error, "a job record cannot be read");
            }
        }
        None => jobs.remove(job),
    }
}

/// Reads what the index knows of a record, which is less than a service needs of it.
fn seen(job: JobId, value: &[u8]) -> Result<Seen, Unreadable> {
    let damaged = |why: String| Unreadable::Damaged(why);
    if let Ok(seen) = serde_json::from_slice::<Seen>(value)
        && seen.id == job
        && seen.version <= RECORD_VERSION
        && value.len() <= RECORD_BYTES_MAX
    {
        return Ok(seen);
    }
    // It is for the record to say why.
    match JobRecord::from_json(job, value) {
        Ok(_) => Err(damaged("the index cannot read it".into())),
        Err(error) => Err(error),
    }
}
