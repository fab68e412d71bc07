//! Learns when jobs have ended: it hears the news that goes to the notifier, one message a job. That costs
//! the services nothing and the broker little.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use contract::{JobId, state::Outcome, topology::DONE};
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

/// The part of the news that is looked at.
#[derive(Deserialize)]
struct News {
    id: JobId,
    outcome: Outcome,
}

/// Hears of all jobs.
pub(super) struct Ends {
    waiting: Waiting,
    listener: JoinHandle<()>,
}

impl Ends {
    /// Listens to the lab with this broker, from now on.
    pub(super) async fn listen(url: &str) -> anyhow::Result<Self> {
        let client = async_nats::connect(url).await.context("connecting to the lab's broker")?;
        let mut news = client.subscribe(DONE.subjects).await.context("listening for ends")?;
        let waiting = Waiting::default();
        let ends = waiting.clone();
        client.flush().await.context("listening for ends")?;
        let listener = tokio::spawn(async move {
            while let Some(message) = news.next().await {
                if let Ok(news) = serde_json::from_slice::<News>(&message.payload) {
                    ended(&ends, news.id, news.outcome);
                }
            }
        });
        Ok(Self { waiting, listener })
    }

    /// When and how the job ended. `None` when nothing is heard any more.
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
        !self.listener.is_finished()
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.listener.abort();
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
