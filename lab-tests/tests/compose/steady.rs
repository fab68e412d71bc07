//! Equal jobs at an equal pace, and how fast they are done: what an outage is held against.

use std::{sync::Arc, time::Duration};

use contract::{api::JobAccepted, state::JobState};
use serde_json::json;
use testkit::eventually;
use tokio::{
    sync::Mutex,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use crate::backends::Backends;

/// Time between two jobs.
const PACE: Duration = Duration::from_millis(100);
/// The part of the jobs a second before that must still be done; what is lacking is the machine's own.
const RATE_MIN: f64 = 0.9;
/// How many times as long as before half of the jobs, and 95 of a hundred, may take. The slowest feel most
/// that Compose stops and starts containers on the same cores.
const HALF_MAX: f64 = 2.0;
const MOST_MAX: f64 = 3.0;
/// Times in milliseconds below which nothing counts as slow: the machine is shared.
const HALF_MS: f64 = 25.0;
const MOST_MS: f64 = 100.0;

/// A load that goes on until it is dropped.
pub(crate) struct Steady {
    task: JoinHandle<()>,
    sent: Arc<Mutex<Vec<JobAccepted>>>,
}

/// How fast jobs were done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speed {
    jobs_per_second: f64,
    half_ms: f64,
    most_ms: f64,
    longest_ms: f64,
    /// The longest time between two jobs that were accepted one after the other.
    longest_gap_ms: f64,
}

impl Steady {
    /// Begins to send.
    pub(crate) fn start(parts: &Backends) -> Self {
        let (parts, sent) = (parts.clone(), Arc::<Mutex<Vec<_>>>::default());
        let kept = sent.clone();
        let task = tokio::spawn(async move {
            let mut pace = interval(PACE);
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let job = json!({"name": "steady", "operations": [{"kind": "add", "inputs": [1, 2]}]});
            loop {
                pace.tick().await;
                let accepted = parts.submit(&job, None).await;
                kept.lock().await.push(accepted);
            }
        });
        Self { task, sent }
    }

    /// How many were sent so far.
    pub(crate) async fn count(&self) -> usize {
        self.sent.lock().await.len()
    }

    /// Waits until as many more were sent as fill this time.
    pub(crate) async fn go_on(&self, time: Duration) {
        let wanted =
            self.count().await + usize::try_from(time.as_millis() / PACE.as_millis()).unwrap();
        eventually(time * 2, "the gateway to take jobs at this pace", async || {
            assert!(!self.task.is_finished(), "a job was refused");
            let sent = self.count().await;
            if sent >= wanted { Ok(()) } else { Err(format!("{sent} of {wanted}")) }
        })
        .await;
    }

    /// Those sent from the `from`th on, up to now.
    pub(crate) async fn since(&self, from: usize) -> Vec<JobAccepted> {
        self.sent.lock().await[from..].to_vec()
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Speed {
    /// Of these jobs, which must all succeed.
    pub(crate) async fn of(parts: &Backends, jobs: &[JobAccepted]) -> Self {
        let mut times = Vec::new();
        for job in jobs {
            let job = parts.ended(job).await;
            assert_eq!(job.state, JobState::Succeeded, "{job:?}");
            times.push((job.times.accepted_ms, job.times.finished_ms.unwrap()));
        }
        let accepted = times.iter().map(|(accepted, _)| *accepted);
        let pauses = accepted.clone().zip(accepted.skip(1)).map(|(one, next)| next - one);
        let gap = pauses.max().unwrap_or_default();
        let started = times.iter().map(|(accepted, _)| *accepted).min().unwrap();
        let over = times.iter().map(|(_, finished)| *finished).max().unwrap();
        let mut took: Vec<_> = times.iter().map(|(from, to)| (to - from) as f64).collect();
        took.sort_by(f64::total_cmp);
        Self {
            jobs_per_second: jobs.len() as f64 * 1e3 / (over - started) as f64,
            half_ms: took[took.len() / 2],
            most_ms: took[took.len() * 95 / 100],
            longest_ms: took[took.len() - 1],
            longest_gap_ms: gap as f64,
        }
    }

    /// Checks that it is the speed of `before`, within what a shared machine makes of it.
    pub(crate) fn is_that_of(self, before: Self, when: &str) {
        let rate = self.jobs_per_second / before.jobs_per_second;
        let (half, most) = (self.half_ms / before.half_ms, self.most_ms / before.most_ms);
        println!(
            "MEASURED: jobs {when}: {:.2} a second ({rate:.2} of before), half within {:.0} ms ({half:.2}), \
             95 % within {:.0} ms ({most:.2}), the longest {:.0} ms, longest gap {:.0} ms",
            self.jobs_per_second, self.half_ms, self.most_ms, self.longest_ms, self.longest_gap_ms
        );
        assert!(rate >= RATE_MIN, "{when}: {self:?}, before: {before:?}");
        assert!(
            half <= HALF_MAX || self.half_ms <= HALF_MS,
            "{when}: {self:?}, before: {before:?}"
        );
        assert!(
            most <= MOST_MAX || self.most_ms <= MOST_MS,
            "{when}: {self:?}, before: {before:?}"
        );
    }
}
