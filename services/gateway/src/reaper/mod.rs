//! Ends lost jobs: those whose messages are gone, for example after a store was rolled back.
//!
//! A job that has not ended has a message in `SUBMITTED` or `TODO`. The reaper considers only jobs whose record has not
//! changed for some ack waits past their deadline, by the broker's time, and searches both queues for their messages. A
//! job with a message is left to its stage, however long it waits. A job without one ends as dead, with the reason
//! `lost`, by compare-and-set on its record, so that any number of gateways may do this at the same time.

mod orphans;
mod search;

use std::time::Duration;

use contract::{
    JobId,
    signals::JOBS_LOST,
    topology::{ACK_WAIT, PROCESSOR},
};
use jobs::lost;
use runtime::stop::Stop;
use tokio::time::sleep;

use crate::{app::App, broker::Broker, index::overdue::Overdue, job_endpoints};
use orphans::Orphans;
use search::{Search, Searched};

/// Ack waits past its deadline after which the message of an unchanged job is searched.
pub(crate) const PAST_DEADLINE_ACK_WAITS: u32 = 3;
/// Ack waits after which the worker of an unchanged running job counts as silent.
pub(crate) const SILENT_ACK_WAITS: u32 = jobs::cancel::ABANDONED_ACK_WAITS;
/// Jobs per search. The others are left to the next search.
const SEARCHED_MAX: usize = 50_000;
/// Jobs ended in one pass.
const ENDED_MAX: usize = 128;
/// Bounds of the interval between two passes, which is half an ack wait.
const PASS_INTERVAL: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// Longest back-off after searches that found every message.
const BACKOFF_MAX: Duration = Duration::from_mins(1);

/// Runs passes until the stop. Whatever fails because the broker is unreachable is left to the next pass.
pub(crate) async fn watch(app: &App, broker: &Broker, stop: &Stop) {
    let mut reaper =
        Reaper { app, broker, search: None, lost: Vec::new(), orphans: Orphans::default() };
    let passes = async {
        let mut backoff = Duration::ZERO;
        loop {
            let ack_wait = broker.jobs.bus.nats.ack_wait(PROCESSOR).await.unwrap_or(ACK_WAIT);
            let interval = (ack_wait / 2).clamp(PASS_INTERVAL.0, PASS_INTERVAL.1);
            match reaper.pass(ack_wait).await {
                Ok(Pass::FoundAllMessages) => backoff = (backoff * 2).clamp(interval, BACKOFF_MAX),
                Ok(Pass::Worked) => backoff = Duration::ZERO,
                Err(error) => {
                    tracing::debug!(%error, "cannot search for lost jobs; the next pass tries again");
                }
            }
            sleep(interval + backoff).await;
        }
    };
    stop.soft.run_until_cancelled(passes).await;
}

/// Result of a pass.
enum Pass {
    /// Nothing to do, not finished, or jobs were ended.
    Worked,
    /// Every overdue job has its message.
    FoundAllMessages,
}

struct Reaper<'a> {
    app: &'a App,
    broker: &'a Broker,
    /// The search in progress.
    search: Option<Search>,
    /// Jobs without a message that are not ended yet.
    lost: Vec<JobId>,
    orphans: Orphans,
}

impl Reaper<'_> {
    async fn pass(&mut self, ack_wait: Duration) -> anyhow::Result<Pass> {
        if self.app.index.extent().is_none() {
            // The index does not know every job yet.
            return Ok(Pass::Worked);
        }
        self.orphans.pass(&self.broker.jobs.bus, ack_wait).await?;
        let limits = Overdue::at(self.broker.jobs.bus.nats.time.now_ms(), ack_wait);
        for job in self.app.index.to_be_cancelled(&limits, ENDED_MAX) {
            job_endpoints::cancel::end_abandoned(self.broker, job).await?;
        }
        for job in self.app.index.lost_without_completion(&limits, ENDED_MAX) {
            self.publish_completion(job).await?;
        }
        if self.lost.is_empty() {
            return self.search(&limits).await;
        }
        let remaining = self.lost.split_off(self.lost.len().min(ENDED_MAX));
        for job in std::mem::replace(&mut self.lost, remaining) {
            self.end(job, ack_wait).await?;
        }
        Ok(Pass::Worked)
    }

    async fn search(&mut self, limits: &Overdue) -> anyhow::Result<Pass> {
        let bus = &self.broker.jobs.bus;
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
        match search.advance(bus).await {
            Ok(Searched::NotDone) => Ok(Pass::Worked),
            Ok(Searched::Done { without_message }) => {
                self.search = None;
                self.lost = without_message;
                Ok(if self.lost.is_empty() { Pass::FoundAllMessages } else { Pass::Worked })
            }
            Err(error) => {
                self.search = None;
                Err(error)
            }
        }
    }

    async fn end(&self, job: JobId, ack_wait: Duration) -> anyhow::Result<()> {
        let Some(lost) =
            lost::end(&self.broker.jobs, job, ack_wait * PAST_DEADLINE_ACK_WAITS).await?
        else {
            return Ok(());
        };
        self.app.service.metrics.count(&JOBS_LOST, &[]);
        tracing::warn!(
            job_id = %job,
            was = lost.was.name(),
            worker = lost.worker.as_deref().unwrap_or_default(),
            "end lost job as dead: its message is in no queue; retry starts it again"
        );
        self.publish_completion(job).await
    }

    async fn publish_completion(&self, job: JobId) -> anyhow::Result<()> {
        let Some(entry) = self.broker.jobs.records.load(job).await? else { return Ok(()) };
        if !entry.record.state.is_terminal() {
            return Ok(());
        }
        job_endpoints::cancel::publish_completion(self.broker, &entry.record).await
    }
}
