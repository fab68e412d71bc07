//! One host: its breaker, its tries, and the notices that wait for it.

use std::time::{Duration, Instant};

use super::{
    NotNow,
    breaker::{Breaker, Change, Health},
    concurrency_limit::ConcurrencyLimit,
};

/// Notices of one host come back at most one in this time on average, so that a host that is back is not run over.
pub(super) const APART: Duration = Duration::from_millis(20);
/// The most that adds to a notice's wait.
const APART_MAX: Duration = Duration::from_mins(5);

/// What is remembered of a host.
pub(super) struct Host {
    /// Tells it from one of the same name that was forgotten.
    pub(super) serial: u64,
    pub(super) breaker: Breaker,
    pub(super) concurrency_limit: ConcurrencyLimit,
    /// Whether its last try was answered.
    pub(super) proven: bool,
    /// Notices put off since it opened, or since it had a place.
    put_off: u32,
    away_since: Option<Instant>,
}

impl Host {
    pub(super) fn new(serial: u64, now: Instant) -> Self {
        let (breaker, concurrency_limit) = (Breaker::default(), ConcurrencyLimit::new(now));
        Self { serial, breaker, concurrency_limit, proven: false, put_off: 0, away_since: None }
    }

    /// The more notices wait for a host, the further apart they come back.
    pub(super) fn put_off(&mut self, wait: Duration, why: &'static str) -> NotNow {
        self.put_off = self.put_off.saturating_add(1);
        let spread = APART.saturating_mul(self.put_off).min(APART_MAX);
        NotNow { after: wait + spread.mul_f64(rand::random()), why }
    }

    pub(super) fn end(&mut self, probe: bool, health: Health, now: Instant, jitter: f64) -> Change {
        let change = self.breaker.end(probe, health, now, jitter);
        match health {
            Health::Well => (self.proven, self.put_off) = (!self.breaker.is_open(), 0),
            Health::Ill { .. } => self.proven = false,
            Health::Unknown => {}
        }
        if matches!(change, Change::Opened(_) | Change::Reopened(_)) {
            self.put_off = 0;
        }
        change
    }

    pub(super) fn log(&mut self, host: &str, change: Change, now: Instant) {
        match change {
            Change::Opened(pause) => {
                self.away_since = Some(now);
                let pause_ms = ms(pause);
                tracing::warn!(
                    host,
                    pause_ms,
                    "a receiver is away: its notices wait and spend nothing"
                );
            }
            Change::Reopened(pause) => {
                tracing::debug!(host, pause_ms = ms(pause), "a receiver is still away");
            }
            Change::Closed => {
                let away_ms = self.away_since.take().map_or(0, |since| ms(now - since));
                tracing::info!(host, away_ms, "a receiver is back");
            }
            Change::None => {}
        }
    }
}

/// As a number: wider ones become text in the log.
fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
