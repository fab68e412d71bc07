//! The breaker of one host, as a plain state machine: closed, open for a while, one probe, closed again.
//!
//! Time is given to it, monotonic; so a test can tell it any.

use std::time::{Duration, Instant};

use bus::backoff::backoff;

/// Failures in a row after which a host is taken for away.
pub(crate) const FAILURES_MAX: u32 = 5;

/// What came of one try, as far as it speaks of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// It answered; what it said is between it and the notice.
    Well,
    /// It did not answer, or it answered that it cannot now.
    Ill {
        /// The least time it wants to be left alone for.
        least: Option<Duration>,
    },
    /// Nothing was learnt: the try was given up, or never reached it.
    Unknown,
}

/// What a try did to the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing that matters to others.
    None,
    /// It was closed and is open for this long.
    Opened(Duration),
    /// The probe failed: it is open again for this long.
    Reopened(Duration),
    /// The probe was answered.
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
    /// Whether notices wait.
    pub(crate) const fn is_open(&self) -> bool {
        !matches!(self.0, State::Closed { .. })
    }

    /// Whether a try may start now; else how long that will take at least. Zero: a probe is under way.
    pub(crate) fn may_start(&self, now: Instant) -> Result<(), Duration> {
        match self.0 {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } if until <= now => Ok(()),
            State::Open { until, .. } => Err(until - now),
            State::Probing { .. } => Err(Duration::ZERO),
        }
    }

    /// Starts a try that [`Self::may_start`] allowed; true if it is the probe.
    pub(crate) const fn start(&mut self) -> bool {
        let State::Open { times, .. } = self.0 else { return false };
        self.0 = State::Probing { times };
        true
    }

    /// Ends a try. What began before the breaker opened says nothing about now, so that while it is open
    /// only the probe counts. `jitter` is 0 to 1.
    pub(crate) fn end(&mut self, probe: bool, health: Health, now: Instant, jitter: f64) -> Change {
        match (&mut self.0, health) {
            (State::Closed { failures }, Health::Well) => {
                *failures = 0;
                Change::None
            }
            (State::Closed { failures }, Health::Ill { least }) => {
                *failures += 1;
                if *failures < FAILURES_MAX {
                    return Change::None;
                }
                Change::Opened(self.open(1, least, now, jitter))
            }
            (State::Probing { .. }, Health::Well) if probe => {
                *self = Self::default();
                Change::Closed
            }
            (State::Probing { times }, Health::Ill { least }) if probe => {
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

    /// Pauses as attempts do, from the step of one second on: at most a minute, and what the host asked for.
    fn open(&mut self, times: u32, least: Option<Duration>, now: Instant, jitter: f64) -> Duration {
        let pause = backoff(times.saturating_add(1), jitter).max(least.unwrap_or_default());
        self.0 = State::Open { until: now + pause, times };
        pause
    }
}

#[cfg(test)]
mod tests;
