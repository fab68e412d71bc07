//! The loop that asks the time server, and what it tells of it.

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

/// Time between two questions.
const ASK_EVERY: Duration = Duration::from_secs(4);
/// Share of the pause by which it varies, so that services do not ask in step.
const JITTER: f64 = 0.1;
/// Most time for the look-up of the name and for each exchange; a question has up to three of them.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(500);
/// How long a server that asks not to be asked is left alone.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);
/// How long a correction outlives its server. Longer than a restart of the server takes.
const HOLD_TIME: Duration = Duration::from_mins(1);

/// How often the server is asked, and how long its answers hold.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Time between two questions.
    pub every: Duration,
    /// Most time for one step of a question.
    pub answer_time_max: Duration,
    /// Pause after the server asked not to be asked.
    pub refused: Duration,
    /// How long a correction is kept without an answer.
    pub hold: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            every: ASK_EVERY,
            answer_time_max: ANSWER_TIME_MAX,
            refused: REFUSED_PAUSE,
            hold: HOLD_TIME,
        }
    }
}

/// A clock being watched. Dropping it ends that; a correction then stays as it is.
#[derive(Debug)]
pub struct Watch {
    _asking: AbortOnDropHandle<()>,
}

impl Watch {
    /// Asks `server` from now on, publishes how far `clock` is off, and corrects it if `source` says so.
    /// A server that does not answer costs a log line, never a wait. Call it inside a tokio runtime.
    pub fn start(
        server: TimeServer,
        source: TimeSource,
        clock: Clock,
        metrics: Metrics,
        pace: Pace,
    ) -> Self {
        let follower = Follower::new(source == TimeSource::Ntp, pace.hold);
        let asking = Asking { server, source, clock, metrics, pace, follower };
        Self { _asking: AbortOnDropHandle::new(tokio::spawn(asking.run())) }
    }
}

struct Asking {
    server: TimeServer,
    source: TimeSource,
    clock: Clock,
    metrics: Metrics,
    pace: Pace,
    follower: Follower,
}

impl Asking {
    async fn run(mut self) {
        loop {
            let answer = query::ask(&self.server, &self.clock, self.pace.answer_time_max).await;
            self.take(&answer);
            let pause = match answer {
                Err(NoTime::Refused(_)) => self.pace.refused,
                _ => self.pace.every,
            };
            let varied = rand::random_range(1.0 - JITTER..=1.0 + JITTER);
            tokio::time::sleep(pause.mul_f64(varied)).await;
        }
    }

    /// Acts on an answer. The offset that was measured last stays shown when there is none.
    fn take(&mut self, answer: &Result<Sample, NoTime>) {
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
            Ok(sample) => self.tell_heard(*sample, &orders),
            Err(error) => self.tell_missed(error, &orders),
        }
    }

    /// Once for each change, not for each answer.
    fn tell_heard(&self, sample: Sample, orders: &Orders) {
        if orders.standing.is_none() && orders.correction.is_none() {
            return;
        }
        tracing::info!(
            server = %self.server,
            clock = self.source.name(),
            offset_seconds = sample.ahead.as_seconds_f64(),
            error_seconds = sample.error.as_seconds_f64(),
            correction_seconds = orders.correction.map(time::Duration::as_seconds_f64),
            "the time server measured this clock"
        );
    }

    fn tell_missed(&self, error: &NoTime, orders: &Orders) {
        let what = match (orders.standing, self.source) {
            (Some(SyncState::Holding), TimeSource::Ntp) => "the last correction holds for a while",
            (Some(SyncState::Lost), TimeSource::Ntp) => "this clock is not corrected",
            (Some(SyncState::Lost), TimeSource::System) => "this clock is not measured",
            _ => return,
        };
        let hold_seconds = self.pace.hold.as_secs();
        tracing::warn!(server = %self.server, %error, hold_seconds, "no time from the time server: {what}");
    }
}
