//! Learns when jobs have ended: one watch over the record bucket, which costs the services nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use async_nats::jetstream;
use contract::{
    JobId,
    state::{JobState, Outcome},
    topology::JOBS_BUCKET,
};
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::{sync::oneshot, task::JoinHandle, time::Instant};

/// Jobs that are waited for, and ends that nobody has asked for yet.
type Waiting = Arc<Mutex<HashMap<JobId, Seen>>>;
/// Most jobs in [`Waiting`]; beyond it something is very wrong, and ends are forgotten.
const WAITING_MAX: usize = 200_000;

enum Seen {
    Asked(oneshot::Sender<(Instant, Outcome)>),
    Ended(Instant, Outcome),
}

/// The part of a record that is looked at.
#[derive(Deserialize)]
struct Record {
    id: JobId,
    state: JobState,
}

/// The watch over all jobs.
pub(super) struct Ends {
    waiting: Waiting,
    watch: JoinHandle<()>,
}

impl Ends {
    /// Watches the jobs of the lab with this broker, from now on.
    pub(super) async fn watch(url: &str) -> anyhow::Result<Self> {
        let client = async_nats::connect(url).await.context("connecting to the lab's broker")?;
        let bucket = jetstream::new(client).get_key_value(JOBS_BUCKET).await?;
        let mut entries = bucket.watch_all().await.context("watching the job records")?;
        let waiting = Waiting::default();
        let ends = waiting.clone();
        let watch = tokio::spawn(async move {
            while let Some(entry) = entries.next().await {
                let Ok(entry) = entry else { continue };
                let Ok(record) = serde_json::from_slice::<Record>(&entry.value) else { continue };
                if let Some(outcome) = record.state.outcome() {
                    ended(&ends, record.id, outcome);
                }
            }
        });
        Ok(Self { waiting, watch })
    }

    /// When and how the job ended. `None` when the watch has broken.
    pub(super) async fn of(&self, job: JobId) -> Option<(Instant, Outcome)> {
        let (told, end) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(Seen::Ended(at, outcome)) = waiting.remove(&job) {
                return Some((at, outcome));
            }
            waiting.insert(job, Seen::Asked(told));
        }
        end.await.ok()
    }

    /// Whether ends are still heard of.
    pub(super) fn is_alive(&self) -> bool {
        !self.watch.is_finished()
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// The end may be seen before the answer to the submission is.
fn ended(waiting: &Waiting, job: JobId, outcome: Outcome) {
    let now = Instant::now();
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    match waiting.remove(&job) {
        Some(Seen::Asked(told)) => {
            let _gone = told.send((now, outcome));
        }
        None if waiting.len() < WAITING_MAX => {
            waiting.insert(job, Seen::Ended(now, outcome));
        }
        Some(Seen::Ended(..)) | None => {}
    }
}
