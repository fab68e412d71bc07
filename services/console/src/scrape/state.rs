//! The state of each target, for the page and for the log: each change is logged once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::NotScraped;
use super::config::{Target, Targets};

/// How long a target may take to come up after the console, before it counts as down.
const START_LIMIT: Duration = Duration::from_secs(15);

/// All targets.
#[derive(Debug)]
pub(crate) struct Scraped(Mutex<Vec<TargetState>>);

/// One target and how it stands.
#[derive(Debug, Clone)]
pub(crate) struct TargetState {
    pub(crate) target: Target,
    pub(crate) standing: TargetHealth,
    /// Since when it stands so.
    pub(crate) since: Instant,
}

/// How a target stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TargetHealth {
    /// It has not answered yet, and need not have.
    Awaited,
    /// The last scrape brought this many metrics.
    Up(usize),
    /// Why the last scrape brought none.
    Down(String),
}

impl Scraped {
    pub(crate) fn new(targets: &Targets) -> Self {
        let started = Instant::now();
        let state = |target: &Target| TargetState {
            target: target.clone(),
            standing: TargetHealth::Awaited,
            since: started,
        };
        Self(Mutex::new(targets.0.iter().map(state).collect()))
    }

    /// The targets in the order they were given.
    pub(crate) fn all(&self) -> Vec<TargetState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the outcome of a scrape of target number `index`.
    pub(super) fn set(&self, index: usize, outcome: Result<usize, NotScraped>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = all.get_mut(index) {
            state.set(outcome);
        }
    }
}

impl TargetState {
    fn set(&mut self, outcome: Result<usize, NotScraped>) {
        let (name, url) = (&self.target.name, &self.target.url);
        let is_early = self.standing == TargetHealth::Awaited && self.since.elapsed() < START_LIMIT;
        let standing = match outcome {
            Ok(metrics) => TargetHealth::Up(metrics),
            Err(_) if is_early => return,
            Err(why) => TargetHealth::Down(why.to_string()),
        };
        let same = std::mem::discriminant(&standing) == std::mem::discriminant(&self.standing);
        if !same {
            self.since = Instant::now();
            match &standing {
                TargetHealth::Down(why) => {
                    tracing::warn!(%name, %url, why, "scrape failed");
                }
                TargetHealth::Up(_) | TargetHealth::Awaited => {
                    tracing::info!(%name, %url, "scrape succeeded");
                }
            }
        }
        self.standing = standing;
    }
}
