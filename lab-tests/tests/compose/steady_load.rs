//! A steady load of equal jobs and its speed, to compare the time of an outage with.

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
/// Least share of the previous rate; the rest is tolerated as noise of the machine.
const RATE_MIN: f64 = 0.9;
/// Highest ratio to the previous median and 95th percentile. Compose stops and starts containers on the same cores, which
/// affects the slowest jobs most.
const HALF_MAX: f64 = 2.0;
const MOST_MAX: f64 = 3.0;
/// Shorter times than these, in milliseconds, never count as slow: the machine is shared.
const HALF_MS: f64 = 25.0;
const MOST_MS: f64 = 100.0;

/// A load that runs until it is dropped.
pub(crate) struct Steady {
    task: JoinHandle<()>,
    sent: Arc<Mutex<Vec<JobAccepted>>>,
}

/// The speed of jobs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speed {
    jobs_per_second: f64,
    half_ms: f64,
    most_ms: f64,
    longest_ms: f64,
    /// Longest time between two consecutive jobs.
    longest_gap_ms: f64,
}

impl Steady {
    /// Starts to submit.
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

    /// Number of jobs submitted so far.
    pub(crate) async fn count(&self) -> usize {
        self.sent.lock().await.len()
    }

    /// Waits until the jobs of this time have been submitted.
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

    /// The jobs submitted so far, from number `from` on.
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
    /// The speed of these jobs, which must all succeed.
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

    /// Checks that the speed is that of `before`, within the tolerances.
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
