//! Circuit breaker of one host, as a plain state machine: closed, open for a while, one probe, closed again.
//!
//! Its methods take the monotonic time as an argument, for tests.

use std::time::{Duration, Instant};

use runtime::backoff::retry_delay;

/// Consecutive failures that open the breaker.
pub(crate) const FAILURES_MAX: u32 = 5;

/// Health of the host according to one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// It responded, whatever the verdict on the notification.
    Healthy,
    /// It did not respond, or it responded 429 or 5xx.
    Unhealthy {
        /// Its `Retry-After`.
        least: Option<Duration>,
    },
    /// The attempt was cancelled, or never reached the host.
    Unknown,
}

/// Change of the breaker by an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// No change between open and closed.
    None,
    /// Opened for this long.
    Opened(Duration),
    /// The probe failed: open again for this long.
    Reopened(Duration),
    /// The probe succeeded.
    Closed,
}

/// One host's breaker.
#[derive(Debug, Clone)]
pub(crate) struct Breaker(State);

#[derive(Debug, Clone)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, times: u32 },
    Probing { times: u32 },
}

impl Default for Breaker {
    fn default() -> Self {
        Self(State::Closed { failures: 0 })
    }
}

impl Breaker {
    /// Whether notifications have to wait.
    pub(crate) const fn is_open(&self) -> bool {
        !matches!(self.0, State::Closed { .. })
    }

    /// Whether an attempt may start now; else the least delay. Zero: a probe is in progress.
    pub(crate) fn may_start(&self, now: Instant) -> Result<(), Duration> {
        match self.0 {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } if until <= now => Ok(()),
            State::Open { until, .. } => Err(until - now),
            State::Probing { .. } => Err(Duration::ZERO),
        }
    }

    /// Starts an attempt that [`Self::may_start`] allowed; true if it is the probe.
    pub(crate) const fn start(&mut self) -> bool {
        let State::Open { times, .. } = self.0 else { return false };
        self.0 = State::Probing { times };
        true
    }

    /// Ends an attempt. While the breaker is open, only the probe counts: other attempts started before it opened.
    /// `jitter` is 0 to 1.
    pub(crate) fn end(&mut self, probe: bool, health: Health, now: Instant, jitter: f64) -> Change {
        match (&mut self.0, health) {
            (State::Closed { failures }, Health::Healthy) => {
                *failures = 0;
                Change::None
            }
            (State::Closed { failures }, Health::Unhealthy { least }) => {
                *failures += 1;
                if *failures < FAILURES_MAX {
                    return Change::None;
                }
                Change::Opened(self.open(1, least, now, jitter))
            }
            (State::Probing { .. }, Health::Healthy) if probe => {
                *self = Self::default();
                Change::Closed
            }
            (State::Probing { times }, Health::Unhealthy { least }) if probe => {
                let times = times.saturating_add(1);
                Change::Reopened(self.open(times, least, now, jitter))
            }
            (State::Probing { times }, Health::Unknown) if probe => {
                self.0 = State::Open { until: now, times: *times };
                Change::None
            }
            _ => Change::None,
        }
    }

    /// Opens the breaker for the back-off of attempts, from its step of one second on: at most a minute, and at least
    /// the host's `Retry-After`.
    fn open(&mut self, times: u32, least: Option<Duration>, now: Instant, jitter: f64) -> Duration {
        let delay = retry_delay(times.saturating_add(1), jitter).max(least.unwrap_or_default());
        self.0 = State::Open { until: now + delay, times };
        delay
    }
}

#[cfg(test)]
mod tests;
