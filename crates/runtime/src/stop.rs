//! The two ways to end: softly, with what is under way finished, and hard, when that takes too long.

use std::time::Duration;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Longest grace that can be asked for, in seconds.
pub const GRACE_SECONDS_MAX: u64 = 3_600;

/// How long a stop may take.
#[derive(Debug, Clone, clap::Args)]
pub struct StopConfig {
    /// Seconds that work under way has to finish after the first TERM or INT. A second signal ends it at once.
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
    /// The grace as a duration.
    pub const fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }
}

/// Tells all parts of a process when to end. Clones are told together; `hard` follows `soft`, never precedes it.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Take no new work; finish what is under way.
    pub soft: CancellationToken,
    /// Drop what is under way: nothing may wait any longer.
    pub hard: CancellationToken,
}

impl Stop {
    /// A stop that only [`Stop::now`] and [`Stop::soften`] set off: for tests and for parts of a lab.
    pub fn new() -> Self {
        Self::default()
    }

    /// TERM or INT sets off the soft stop; a second one, or `grace` over, the hard one. Must be called
    /// inside a tokio runtime. Fails when the system gives no signal handler.
    pub fn on_signals(grace: Duration) -> std::io::Result<Self> {
        let signals = Signals {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        };
        let stop = Self::new();
        tokio::spawn(signals.watch(stop.clone(), grace));
        Ok(stop)
    }

    /// Sets off the soft stop.
    pub fn soften(&self) {
        self.soft.cancel();
    }

    /// Sets off both.
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
        // A stop may also begin elsewhere, such as by a part that failed: the grace holds for it too.
        tokio::select! {
            name = self.next() => tracing::info!(signal = name, grace_seconds = grace.as_secs(), "stopping"),
            () = stop.soft.cancelled() => {}
        }
        stop.soften();
        let deadline = Instant::now() + grace;
        tokio::select! {
            name = self.next() => tracing::warn!(signal = name, "stopping at once: signalled again"),
            () = tokio::time::sleep_until(deadline) => tracing::warn!("stopping at once: the grace is over"),
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
