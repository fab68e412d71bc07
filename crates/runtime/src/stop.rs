//! Stop signals of a process: the soft stop drains, the hard stop ends work that takes too long.

use std::time::Duration;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Longest grace period that can be set, in seconds.
pub const GRACE_SECONDS_MAX: u64 = 3_600;

/// Grace period of a stop.
#[derive(Debug, Clone, clap::Args)]
pub struct StopConfig {
    /// Grace period in seconds: running work may finish within it after the first TERM or INT. A second signal stops
    /// immediately.
    #[arg(
        long,
        env = "WAYBILL_GRACE_SECONDS",
        value_name = "S",
        default_value_t = 10,
        value_parser = settings::seconds(0..=GRACE_SECONDS_MAX)
    )]
    pub grace_seconds: u64,
}

impl StopConfig {
    /// The grace period as a duration.
    pub const fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }
}

/// Signals all parts of a process to stop. Clones share the signal; `hard` never precedes `soft`.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Accept no new work; finish running work.
    pub soft: CancellationToken,
    /// Drop running work immediately.
    pub hard: CancellationToken,
}

impl Stop {
    /// A stop that only [`Stop::now`] and [`Stop::trigger_soft`] trigger, for tests and for parts of a lab.
    pub fn new() -> Self {
        Self::default()
    }

    /// TERM or INT triggers the soft stop; a second signal, or the end of `grace`, the hard stop. Must be called inside
    /// a tokio runtime. Fails if no signal handler can be installed.
    pub fn on_signals(grace: Duration) -> std::io::Result<Self> {
        let signals = Signals {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        };
        let stop = Self::new();
        tokio::spawn(signals.watch(stop.clone(), grace));
        Ok(stop)
    }

    /// Triggers the soft stop.
    pub fn trigger_soft(&self) {
        self.soft.cancel();
    }

    /// Triggers both stops.
    pub fn now(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }
}

struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    async fn watch(mut self, stop: Stop, grace: Duration) {
        // A failed part of the process may also trigger the soft stop; the grace period applies to it too.
        tokio::select! {
            name = self.next() => tracing::info!(signal = name, grace_seconds = grace.as_secs(), "stopping"),
            () = stop.soft.cancelled() => {}
        }
        stop.trigger_soft();
        let deadline = Instant::now() + grace;
        tokio::select! {
            name = self.next() => tracing::warn!(signal = name, "stopping immediately: second signal"),
            () = tokio::time::sleep_until(deadline) => tracing::warn!("stopping immediately: the grace period is over"),
            () = stop.hard.cancelled() => {}
        }
        stop.now();
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "TERM",
            _ = self.int.recv() => "INT",
        }
    }
}
