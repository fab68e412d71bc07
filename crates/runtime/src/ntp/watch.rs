//! The loop that polls the time server, with its metrics and log lines.

use std::time::{Duration, Instant};

use contract::signals::{CLOCK_CORRECTED, CLOCK_OFFSET};
use telemetry::Metrics;
use tokio_util::task::AbortOnDropHandle;

use super::{
    TimeServer,
    follower::{Follower, Orders, SyncState},
    query::{self, NoTime, Sample},
};
use crate::clock::{Clock, TimeSource};

/// Time between two queries.
const QUERY_INTERVAL: Duration = Duration::from_secs(4);
/// Jitter as a part of the interval, so that services do not query at the same time.
const JITTER: f64 = 0.1;
/// Timeout of the name look-up and of each exchange; a query has up to three exchanges.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);
/// Time to the next query after the server sent kiss-o'-death.
const REFUSED_DELAY: Duration = Duration::from_secs(30);
/// How long a correction is kept without a response; longer than a restart of the server takes.
const HOLD_TIME: Duration = Duration::from_mins(1);

/// Intervals and timeouts of the polling.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Time between two queries.
    pub every: Duration,
    /// Timeout of one step of a query.
    pub answer_time_max: Duration,
    /// Time to the next query after kiss-o'-death.
    pub refused: Duration,
    /// How long a correction is kept without a response.
    pub hold: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            every: QUERY_INTERVAL,
            answer_time_max: ANSWER_TIMEOUT,
            refused: REFUSED_DELAY,
            hold: HOLD_TIME,
        }
    }
}

/// A running measurement of a clock. Dropping it ends it; the correction then stays.
#[derive(Debug)]
pub struct Watch {
    _poller: AbortOnDropHandle<()>,
}

impl Watch {
    /// Polls `server` from now on, reports the offset of `clock`, and corrects it if `source` is `Ntp`. Does not wait
    /// for the server. Call it inside a tokio runtime.
    pub fn start(
        server: TimeServer,
        source: TimeSource,
        clock: Clock,
        metrics: Metrics,
        pace: Pace,
    ) -> Self {
        let follower = Follower::new(source == TimeSource::Ntp, pace.hold);
        let poller = Poller { server, source, clock, metrics, pace, follower };
        Self { _poller: AbortOnDropHandle::new(tokio::spawn(poller.run())) }
    }
}

struct Poller {
    server: TimeServer,
    source: TimeSource,
    clock: Clock,
    metrics: Metrics,
    pace: Pace,
    follower: Follower,
}

impl Poller {
    async fn run(mut self) {
        loop {
            let answer = query::ask(&self.server, &self.clock, self.pace.answer_time_max).await;
            self.apply(&answer);
            let interval = match answer {
                Err(NoTime::Refused(_)) => self.pace.refused,
                _ => self.pace.every,
            };
            let varied = rand::random_range(1.0 - JITTER..=1.0 + JITTER);
            tokio::time::sleep(interval.mul_f64(varied)).await;
        }
    }

    /// Applies the result of a query. After a failure the last measured offset stays in the metrics.
    fn apply(&mut self, answer: &Result<Sample, NoTime>) {
        let now = Instant::now();
        let orders = match answer {
            Ok(sample) => {
                self.metrics.set(&CLOCK_OFFSET, &[], sample.ahead.as_seconds_f64());
                self.follower.heard(*sample, now)
            }
            Err(_) => self.follower.missed(now),
        };
        if let Some(correction) = orders.correction {
            self.clock.correct(correction);
        }
        let corrected = if self.follower.is_corrected() { 1.0 } else { 0.0 };
        self.metrics.set(&CLOCK_CORRECTED, &[], corrected);
        match answer {
            Ok(sample) => self.log_answer(*sample, &orders),
            Err(error) => self.log_failure(error, &orders),
        }
    }

    /// Logs changes only, not each response.
    fn log_answer(&self, sample: Sample, orders: &Orders) {
        if orders.standing.is_none() && orders.correction.is_none() {
            return;
        }
        tracing::info!(
            server = %self.server,
            clock = self.source.name(),
            offset_seconds = sample.ahead.as_seconds_f64(),
            error_seconds = sample.error.as_seconds_f64(),
            correction_seconds = orders.correction.map(time::Duration::as_seconds_f64),
            "clock measured against the time server"
        );
    }

    fn log_failure(&self, error: &NoTime, orders: &Orders) {
        let what = match (orders.standing, self.source) {
            (Some(SyncState::Holding), TimeSource::Ntp) => "the last correction is kept for now",
            (Some(SyncState::Lost), TimeSource::Ntp) => "this clock is not corrected",
            (Some(SyncState::Lost), TimeSource::System) => "this clock is not measured",
            _ => return,
        };
        let hold_seconds = self.pace.hold.as_secs();
        tracing::warn!(server = %self.server, %error, hold_seconds, "no time from the time server: {what}");
    }
}
