//! Ends the jobs that nothing else would ever end: those whose messages are gone, after a store was rolled back.
//!
//! A job that has not ended has a message in `SUBMITTED` or `TODO`. The reaper looks only at jobs that have not moved for
//! some ack waits past their deadline, by the broker's time, and reads both queues for their messages. A job that has one
//! is left to its stage, however long it waits. One that has none ends as dead, with the reason `lost`; its record
//! decides by compare-and-set, so that any number of gateways may do this at once.

mod orphans;
mod search;

use std::time::Duration;

use contract::{JobId, signals::JOBS_LOST, topology::ACK_WAIT};
use runtime::stop::Stop;
use tokio::time::sleep;

use crate::{app::App, broker::Broker, index::overdue::Overdue, jobs};
use orphans::Orphans;
use search::{Search, Searched};

/// Ack waits past its deadline after which a job that has not moved is looked for.
pub(crate) const PAST_DEADLINE_ACK_WAITS: u32 = 3;
/// Ack waits after which a running job that has not moved has no live worker.
pub(crate) const SILENT_ACK_WAITS: u32 = bus::cancel::ABANDONED_ACK_WAITS;
/// Jobs that one search looks for. The others are looked for by the next one.
const SEARCHED_MAX: usize = 50_000;
/// Jobs that are ended in one pass.
const ENDED_MAX: usize = 128;
/// Shortest and longest pause between two passes; half an ack wait in between.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// Longest rest after searches that found every message.
const REST_MAX: Duration = Duration::from_mins(1);

/// Makes one pass after the other until the stop. What a pass cannot do because the broker is away is left to the next.
pub(crate) async fn watch(app: &App, broker: &Broker, stop: &Stop) {
    let mut reaper =
        Reaper { app, broker, search: None, found: Vec::new(), orphans: Orphans::default() };
    let passes = async {
        let mut rest = Duration::ZERO;
        loop {
            let ack_wait = broker.bus.ack_wait().await.unwrap_or(ACK_WAIT);
            let pause = (ack_wait / 2).clamp(PAUSES.0, PAUSES.1);
            match reaper.pass(ack_wait).await {
                Ok(Pass::FoundAllMessages) => rest = (rest * 2).clamp(pause, REST_MAX),
                Ok(Pass::Worked) => rest = Duration::ZERO,
                Err(error) => tracing::debug!(%error, "lost jobs are looked for in the next pass"),
            }
            sleep(pause + rest).await;
        }
    };
    stop.soft.run_until_cancelled(passes).await;
}

/// What came of one pass.
enum Pass {
    /// Nothing to do, or not done yet, or something was done.
    Worked,
    /// Every job that was looked for has its message.
    FoundAllMessages,
}

struct Reaper<'a> {
    app: &'a App,
    broker: &'a Broker,
    /// The search that goes on.
    search: Option<Search>,
    /// Jobs without a message that are not ended yet.
    found: Vec<JobId>,
    orphans: Orphans,
}

impl Reaper<'_> {
    async fn pass(&mut self, ack_wait: Duration) -> anyhow::Result<Pass> {
        if self.app.index.extent().is_none() {
            // It does not know every job yet.
            return Ok(Pass::Worked);
        }
        self.orphans.pass(&self.broker.bus, ack_wait).await?;
        let limits = Overdue::at(self.broker.bus.time.now_ms(), ack_wait);
        for job in self.app.index.to_be_cancelled(&limits, ENDED_MAX) {
            jobs::cancel::end_abandoned(self.broker, job).await?;
        }
        for job in self.app.index.lost_and_untold(&limits, ENDED_MAX) {
            self.tell(job).await?;
        }
        if self.found.is_empty() {
            return self.look_for_more(&limits).await;
        }
        let rest = self.found.split_off(self.found.len().min(ENDED_MAX));
        for job in std::mem::replace(&mut self.found, rest) {
            self.end(job, ack_wait).await?;
        }
        Ok(Pass::Worked)
    }

    async fn look_for_more(&mut self, limits: &Overdue) -> anyhow::Result<Pass> {
        let bus = &self.broker.bus;
        let search = match &mut self.search {
            Some(search) => search,
            none => {
                let overdue = self.app.index.overdue(limits, SEARCHED_MAX);
                if overdue.is_empty() {
                    return Ok(Pass::Worked);
                }
                none.insert(Search::new(bus, overdue))
            }
        };
        match search.go_on(bus).await {
            Ok(Searched::NotDone) => Ok(Pass::Worked),
            Ok(Searched::Done { without_message }) => {
                self.search = None;
                self.found = without_message;
                Ok(if self.found.is_empty() { Pass::FoundAllMessages } else { Pass::Worked })
            }
            Err(error) => {
                self.search = None;
                Err(error)
            }
        }
    }

    async fn end(&self, job: JobId, ack_wait: Duration) -> anyhow::Result<()> {
        let Some(lost) = self.broker.bus.end_lost(job, ack_wait * PAST_DEADLINE_ACK_WAITS).await?
        else {
            return Ok(());
        };
        self.app.service.metrics.count(&JOBS_LOST, &[]);
        tracing::warn!(
            job_id = %job,
            was = lost.was.name(),
            worker = lost.worker.as_deref().unwrap_or_default(),
            "job lost: its message is gone from the queues; ended as dead, retry starts it again"
        );
        self.tell(job).await
    }

    async fn tell(&self, job: JobId) -> anyhow::Result<()> {
        let Some(entry) = self.broker.bus.records.load(job).await? else { return Ok(()) };
        if !entry.record.state.is_terminal() {
            return Ok(());
        }
        jobs::cancel::publish_completion(self.broker, &entry.record).await
    }
}
