//! The loop that polls the time server, with its metrics and log lines.

use std::time::{Duration, Instant};

use contract::signals::{CLOCK_CORRECTED, CLOCK_OFFSET};
use telemetry::Metrics;
use tokio_util::task::AbortOnDropHandle;

use super::{
    TimeServer,
    query::{self, QueryError, Sample},
    sync::{ClockSync, SyncAction, SyncState},
};
use crate::clock::{Clock, TimeSource};

/// Time between two queries.
const QUERY_INTERVAL: Duration = Duration::from_secs(4);
/// Jitter as a part of the interval, so that services do not query at the same time.
const JITTER: f64 = 0.1;
/// Timeout of the name look-up and of each exchange; a query has up to three exchanges.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(500);
/// Time to the next query after the server sent kiss-o'-death.
const REFUSED_DELAY: Duration = Duration::from_secs(30);
/// How long a correction is kept without a response; longer than a restart of the server takes.
const HOLD_TIME: Duration = Duration::from_mins(1);

/// Intervals and timeouts of polling.
#[derive(Debug, Clone, Copy)]
pub struct NtpTiming {
    /// Time between two queries.
    pub interval: Duration,
    /// Timeout of the name look-up, and of each exchange of packets, in a query.
    pub response_time_max: Duration,
    /// Time to the next query after kiss-o'-death.
    pub refused_delay: Duration,
    /// How long a correction is kept without a response.
    pub hold_time: Duration,
}

impl Default for NtpTiming {
    fn default() -> Self {
        Self {
            interval: QUERY_INTERVAL,
            response_time_max: RESPONSE_TIMEOUT,
            refused_delay: REFUSED_DELAY,
            hold_time: HOLD_TIME,
        }
    }
}

/// A running measurement of a clock. Dropping it ends it; the correction then stays.
#[derive(Debug)]
pub struct ClockWatch {
    _poller: AbortOnDropHandle<()>,
}

impl ClockWatch {
    /// Polls `server` from now on, reports the offset of `clock`, and corrects it if `source` is `Ntp`. Does not wait
    /// for the server. Call it inside a tokio runtime.
    pub fn start(
        server: TimeServer,
        source: TimeSource,
        clock: Clock,
        metrics: Metrics,
        timing: NtpTiming,
    ) -> Self {
        let sync = ClockSync::new(source == TimeSource::Ntp, timing.hold_time);
        let poller = Poller { server, source, clock, metrics, timing, sync };
        Self { _poller: AbortOnDropHandle::new(tokio::spawn(poller.run())) }
    }
}

struct Poller {
    server: TimeServer,
    source: TimeSource,
    clock: Clock,
    metrics: Metrics,
    timing: NtpTiming,
    sync: ClockSync,
}

impl Poller {
    async fn run(mut self) {
        loop {
            let answer =
                query::query(&self.server, &self.clock, self.timing.response_time_max).await;
            self.apply(&answer);
            let interval = match answer {
                Err(QueryError::Refused(_)) => self.timing.refused_delay,
                _ => self.timing.interval,
            };
            let varied = rand::random_range(1.0 - JITTER..=1.0 + JITTER);
            tokio::time::sleep(interval.mul_f64(varied)).await;
        }
    }

    /// Applies the result of a query. After a failure the last measured offset stays in the metrics.
    fn apply(&mut self, answer: &Result<Sample, QueryError>) {
        let now = Instant::now();
        let action = match answer {
            Ok(sample) => {
                self.metrics.set(&CLOCK_OFFSET, &[], sample.ahead.as_seconds_f64());
                self.sync.on_response(*sample, now)
            }
            Err(_) => self.sync.on_failure(now),
        };
        if let Some(correction) = action.correction {
            self.clock.correct(correction);
        }
        let corrected = if self.sync.is_corrected() { 1.0 } else { 0.0 };
        self.metrics.set(&CLOCK_CORRECTED, &[], corrected);
        match answer {
            Ok(sample) => self.log_answer(*sample, &action),
            Err(error) => self.log_failure(error, &action),
        }
    }

    /// Logs changes only, not each response.
    fn log_answer(&self, sample: Sample, action: &SyncAction) {
        if action.new_state.is_none() && action.correction.is_none() {
            return;
        }
        tracing::info!(
            server = %self.server,
            clock = self.source.name(),
            offset_seconds = sample.ahead.as_seconds_f64(),
            error_seconds = sample.error.as_seconds_f64(),
            correction_seconds = action.correction.map(time::Duration::as_seconds_f64),
            "clock measured against the time server"
        );
    }

    fn log_failure(&self, error: &QueryError, action: &SyncAction) {
        let what = match (action.new_state, self.source) {
            (Some(SyncState::Holding), TimeSource::Ntp) => "the last correction is kept for now",
            (Some(SyncState::Lost), TimeSource::Ntp) => "this clock is not corrected",
            (Some(SyncState::Lost), TimeSource::System) => "this clock is not measured",
            _ => return,
        };
        let hold_seconds = self.timing.hold_time.as_secs();
        tracing::warn!(server = %self.server, %error, hold_seconds, "no time from the time server: {what}");
    }
}
