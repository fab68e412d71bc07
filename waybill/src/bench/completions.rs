//! Observes when jobs end, by subscribing to the completion events for the notifier. That costs the services
//! nothing and the broker little.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use contract::{JobId, state::Outcome, topology::DONE};
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::{sync::oneshot, task::JoinHandle, time::Instant};

/// Jobs that are waited for, and completions that were not yet waited for.
type Waiting = Arc<Mutex<HashMap<JobId, State>>>;
/// Most jobs in [`Waiting`]; further completions are dropped.
const WAITING_MAX: usize = 200_000;

enum State {
    Awaited(oneshot::Sender<(Instant, Outcome)>),
    Ended(Instant, Outcome),
}

/// The relevant fields of a completion event.
#[derive(Deserialize)]
struct Completion {
    id: JobId,
    outcome: Outcome,
}

/// The completions of all jobs.
pub(super) struct CompletionListener {
    waiting: Waiting,
    listener: JoinHandle<()>,
}

impl CompletionListener {
    /// Subscribes to the broker at `url`.
    pub(super) async fn listen(url: &str) -> anyhow::Result<Self> {
        let client = async_nats::connect(url).await.context("connecting to the lab's broker")?;
        let mut messages =
            client.subscribe(DONE.subjects).await.context("subscribing to completions")?;
        let waiting = Waiting::default();
        let ends = waiting.clone();
        client.flush().await.context("subscribing to completions")?;
        let listener = tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                if let Ok(completion) = serde_json::from_slice::<Completion>(&message.payload) {
                    ended(&ends, completion.id, completion.outcome);
                }
            }
        });
        Ok(Self { waiting, listener })
    }

    /// When and how the job ended. `None` if the subscription has ended.
    pub(super) async fn of(&self, job: JobId) -> Option<(Instant, Outcome)> {
        let (sender, end) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(State::Ended(at, outcome)) = waiting.remove(&job) {
                return Some((at, outcome));
            }
            waiting.insert(job, State::Awaited(sender));
        }
        end.await.ok()
    }

    /// Whether the subscription still runs.
    pub(super) fn is_alive(&self) -> bool {
        !self.listener.is_finished()
    }
}

impl Drop for CompletionListener {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Records an end, which may arrive before the response to the submission.
fn ended(waiting: &Waiting, job: JobId, outcome: Outcome) {
    let now = Instant::now();
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    match waiting.remove(&job) {
        Some(State::Awaited(sender)) => {
            let _gone = sender.send((now, outcome));
        }
        None if waiting.len() < WAITING_MAX => {
            waiting.insert(job, State::Ended(now, outcome));
        }
        Some(State::Ended(..)) | None => {}
    }
}
