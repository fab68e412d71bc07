//! The health of each target. Each change is logged once.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::config::{ScrapeTarget, ScrapeTargets};
use super::error::ScrapeError;

/// How long a target may take to start after the console before it counts as down.
const START_LIMIT: Duration = Duration::from_secs(15);

/// The states of all targets.
#[derive(Debug)]
pub(crate) struct TargetStates(Mutex<Vec<TargetState>>);

/// One target and its health.
#[derive(Debug, Clone)]
pub(crate) struct TargetState {
    pub(crate) target: ScrapeTarget,
    pub(crate) health: TargetHealth,
    /// When `health` last changed its kind.
    pub(crate) since: Instant,
}

/// The health of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TargetHealth {
    /// It has not responded yet, and the time to start is not over.
    Awaited,
    /// The last scrape succeeded, with this many metrics.
    Up(usize),
    /// The last scrape failed for this reason.
    Down(String),
}

impl TargetStates {
    pub(crate) fn new(targets: &ScrapeTargets) -> Self {
        let started = Instant::now();
        let state = |target: &ScrapeTarget| TargetState {
            target: target.clone(),
            health: TargetHealth::Awaited,
            since: started,
        };
        Self(Mutex::new(targets.0.iter().map(state).collect()))
    }

    /// The states in the order of the configuration.
    pub(crate) fn all(&self) -> Vec<TargetState> {
        self.0.lock().clone()
    }

    /// Sets the result of a scrape of target number `index`.
    pub(super) fn set(&self, index: usize, outcome: Result<usize, ScrapeError>) {
        let mut all = self.0.lock();
        if let Some(state) = all.get_mut(index) {
            state.set(outcome);
        }
    }
}

impl TargetState {
    fn set(&mut self, outcome: Result<usize, ScrapeError>) {
        let (name, url) = (&self.target.name, &self.target.url);
        let is_early = self.health == TargetHealth::Awaited && self.since.elapsed() < START_LIMIT;
        let health = match outcome {
            Ok(metrics) => TargetHealth::Up(metrics),
            Err(_) if is_early => return,
            Err(why) => TargetHealth::Down(why.to_string()),
        };
        let same = std::mem::discriminant(&health) == std::mem::discriminant(&self.health);
        if !same {
            self.since = Instant::now();
            match &health {
                TargetHealth::Down(why) => {
                    tracing::warn!(%name, %url, why, "scrape failed");
                }
                TargetHealth::Up(_) | TargetHealth::Awaited => {
                    tracing::info!(%name, %url, "scrape succeeded");
                }
            }
        }
        self.health = health;
    }
}
