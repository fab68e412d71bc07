//! One host: its breaker, its attempts, and the notifications that wait for it.

use std::time::{Duration, Instant};

use super::{
    NotNow,
    breaker::{Breaker, Change, Health},
    concurrency_limit::ConcurrencyLimit,
};

/// Average interval between postponed notifications of one host, so that a recovered host is not overloaded.
pub(super) const SPREAD: Duration = Duration::from_millis(20);
/// The most that this adds to the delay of a notification.
const SPREAD_MAX: Duration = Duration::from_mins(5);

/// State of a host.
pub(super) struct Host {
    /// Distinguishes it from an evicted host of the same name.
    pub(super) serial: u64,
    pub(super) breaker: Breaker,
    pub(super) concurrency_limit: ConcurrencyLimit,
    /// Whether its last attempt got a response.
    pub(super) proven: bool,
    /// Notifications postponed since the breaker opened, or since the last response.
    postponed: u32,
    open_since: Option<Instant>,
}

impl Host {
    pub(super) fn new(serial: u64, now: Instant) -> Self {
        let (breaker, concurrency_limit) = (Breaker::default(), ConcurrencyLimit::new(now));
        Self { serial, breaker, concurrency_limit, proven: false, postponed: 0, open_since: None }
    }

    /// Postpones a notification. The more of them wait, the longer the delay.
    pub(super) fn postpone(&mut self, wait: Duration, why: &'static str) -> NotNow {
        self.postponed = self.postponed.saturating_add(1);
        let spread = SPREAD.saturating_mul(self.postponed).min(SPREAD_MAX);
        NotNow { after: wait + spread.mul_f64(rand::random()), why }
    }

    pub(super) fn end(&mut self, probe: bool, health: Health, now: Instant, jitter: f64) -> Change {
        let change = self.breaker.end(probe, health, now, jitter);
        match health {
            Health::Healthy => (self.proven, self.postponed) = (!self.breaker.is_open(), 0),
            Health::Unhealthy { .. } => self.proven = false,
            Health::Unknown => {}
        }
        if matches!(change, Change::Opened(_) | Change::Reopened(_)) {
            self.postponed = 0;
        }
        change
    }

    pub(super) fn log(&mut self, host: &str, change: Change, now: Instant) {
        match change {
            Change::Opened(delay) => {
                self.open_since = Some(now);
                let open_ms = ms(delay);
                tracing::warn!(
                    host,
                    open_ms,
                    "receiver unreachable: its notifications wait without spending attempts"
                );
            }
            Change::Reopened(delay) => {
                tracing::debug!(host, open_ms = ms(delay), "receiver still unreachable");
            }
            Change::Closed => {
                let away_ms = self.open_since.take().map_or(0, |since| ms(now - since));
                tracing::info!(host, away_ms, "receiver reachable again");
            }
            Change::None => {}
        }
    }
}

/// As `u64`: wider numbers become strings in the log.
fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
